import makeApp from './made.js'

export default await makeApp()
