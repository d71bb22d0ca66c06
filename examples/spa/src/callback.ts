/**
 * `/login/callback`: where the tenant sends its answers. It hands them to the page that asked, which may be the app (after a
 * redirect, by going back to the page that the user first asked for) or a hidden frame's parent (after a silent renewal).
 * Not part of the app: an answer is handled once, by a page that does nothing else.
 */
import { broadcastResponseToMainFrame } from '@azure/msal-browser/redirect-bridge'

broadcastResponseToMainFrame().catch(() => {
  // Somebody opened the page without an answer: there is nothing to hand on, and nothing of the URL is shown.
  const status = document.getElementById('status')
  if (status) status.textContent = 'There is no sign-in to finish here.'
})
