import makeApp from './made.js'

const app = await makeApp()
await app.listen({ host: '127.0.0.1', port: 0 })

export default app
