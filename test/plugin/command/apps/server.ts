/** The server of this repository, as one app among others. */
import { buildApp } from '../../../../src/server/app.js'
import { readConfig } from '../../../../src/server/config/config.js'

export { permissions } from '../../../../src/server/permissions.js'

export default () => buildApp(readConfig({ ...process.env, LOG_LEVEL: 'silent' }))
