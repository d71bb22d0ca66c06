/** As TypeScript compiles a default export to CommonJS. */
Object.defineProperty(exports, '__esModule', { value: true })
exports.default = async () => (await import('./made.ts')).default()
