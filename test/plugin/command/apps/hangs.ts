/** An app that never becomes ready. */
setInterval(() => {}, 1000)

export default () => new Promise(() => {})
