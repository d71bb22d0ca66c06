/** An app that never becomes ready. */
setInterval(() => {}, 1000)

export default () => {
  console.log('the app hangs')
  return new Promise(() => {})
}
