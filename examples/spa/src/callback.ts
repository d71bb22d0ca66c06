/**
 * `/login/callback`: the redirect URI for the tenant's responses. It passes them on to the page that sent the request: the app (after a redirect,
 * by returning to the page that the user requested) or the parent of a hidden frame (after a silent renewal). Not part of the app: a response
 * is handled once, by a page that does nothing else.
 */
import { broadcastResponseToMainFrame } from '@azure/msal-browser/redirect-bridge'

broadcastResponseToMainFrame().catch(() => {
  // Somebody opened the page without a response: there is nothing to pass on, and nothing of the URL is shown.
  const status = document.getElementById('status')
  if (status) status.textContent = 'There is no sign-in to complete.'
})
