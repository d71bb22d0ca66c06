export { default } from './app.js'
export const permissions = 5
