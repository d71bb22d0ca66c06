"""Who may get tokens, and how: the models and grants that Authlib leaves to its user."""
import time
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oidc.core import AuthorizationCodeMixin, UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import request

CODE = 'authorization_code'
CREDENTIALS = 'client_credentials'
REDIRECT_URI = 'http://127.0.0.1/callback'


@dataclass
class Client(ClientMixin):
    """With a secret it speaks for itself, without one for the user who signs in."""

    client_id: str
    scope: str
    secret: str = ''
    lifetime: int = 3600

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        allowed = self.scope.split()
        return ' '.join(name for name in (scope or '').split() if name in allowed)

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == REDIRECT_URI

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == ('client_secret_basic' if self.secret else 'none')

    def check_response_type(self, response_type):
        return response_type == 'code' and not self.secret

    def check_grant_type(self, grant_type):
        return grant_type == (CREDENTIALS if self.secret else CODE)


SIGN_IN = 'openid profile email access_as_user'
CLIENTS = {
    client.client_id: client
    for client in [
        Client('web', SIGN_IN),
        # An API that is its own client: the ID tokens of its sign-ins have the API as their audience.
        Client('https://orders.example', SIGN_IN),
        Client('service', 'Directory.Read.All', secret='service-secret'),
        Client('brief', 'Directory.Read.All', secret='brief-secret', lifetime=5),
    ]
}


@dataclass
class User:
    """Signed in just now. The one named `7` has a number for an ID, as a row of a database has."""

    name: str
    signed_in_at: int = field(default_factory=lambda: int(time.time()))

    def get_user_id(self):
        return int(self.name) if self.name.isdigit() else self.name


@dataclass
class Code(AuthorizationCodeMixin):
    """What an authorization code stands for."""

    code: str
    client_id: str
    user: User
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.user.signed_in_at

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class CodeGrant(grants.AuthorizationCodeGrant):
    """For public clients (RFC 6749 §2.1), which have PKCE instead of a secret."""

    TOKEN_ENDPOINT_AUTH_METHODS = ['none']
    codes = {}

    def save_authorization_code(self, code, oauth_request):
        asked = ['client_id', 'redirect_uri', 'scope', 'nonce', 'code_challenge', 'code_challenge_method']
        parameters = {name: request.args.get(name) for name in asked}
        self.codes[code] = Code(code=code, user=oauth_request.user, **parameters)

    def query_authorization_code(self, code, client):
        found = self.codes.get(code)
        return found if found and found.client_id == client.get_client_id() else None

    def delete_authorization_code(self, authorization_code):
        del self.codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class IdTokens(OpenIDCode):
    """The ID token of a sign-in (OpenID Connect Core §3.1.3.3), with the provider's key of the day."""

    def __init__(self, provider):
        super().__init__()
        self.provider = provider

    def get_jwt_config(self, *_):
        return {'key': self.provider.private_set('RS256'), 'alg': 'RS256', 'iss': self.provider.issuer, 'exp': 3600}

    def exists_nonce(self, nonce, _):
        return any(code.nonce == nonce for code in CodeGrant.codes.values())

    def generate_user_info(self, user, scope):
        sub = str(user.get_user_id())
        return UserInfo(sub=sub, name=user.name, email=f'{sub}@users.example')
