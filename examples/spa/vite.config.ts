import { defineConfig } from 'vite'

export default defineConfig({
  build: {
    // Two pages: the app, and the one that the tenant sends answers to.
    rolldownOptions: { input: ['index.html', 'login/callback.html'] },
    // Assets stay files, so that the content-security policy need not allow `data:`.
    assetsInlineLimit: 0,
    // The polyfill is for browsers that cannot run the app anyway.
    modulePreload: { polyfill: false }
  },
  // Entra ID ignores the port of a redirect URI on localhost, not that of 127.0.0.1 (Microsoft: "Redirect URI restrictions").
  server: { host: 'localhost', port: 5173, strictPort: true }
})
