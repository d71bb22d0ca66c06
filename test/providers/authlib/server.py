"""
An OpenID provider made with Authlib, on a loopback port of its own: no code of it is shared with what it is to test.

    python3 server.py rfc9068|rfc7523 [issuer]

Says in one line of JSON where it listens, and ends when its standard input does. With an issuer it takes that name instead of
its own. Everybody who comes to sign in is signed in, so that it is for tests only.
"""
import json
import logging
import os
import secrets
import sys
import threading
from urllib.parse import urlsplit

import authlib
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.jose import JsonWebKey, KeySet
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from flask import Flask, request
from werkzeug.serving import make_server

from access_tokens import Rfc7523Tokens, Rfc9068Tokens
from grants import CLIENTS, CREDENTIALS, CodeGrant, IdTokens, User

FORMS = {'rfc9068': Rfc9068Tokens, 'rfc7523': Rfc7523Tokens}
KEY_KINDS = {'RS256': ('RSA', 2048), 'ES256': ('EC', 'P-256')}


def new_key(kty, crv_or_size):
    """Named by us, as Authlib may leave `kid` out of tokens otherwise; published by it, with neither `alg` nor `use`."""
    return JsonWebKey.generate_key(kty, crv_or_size, {'kid': secrets.token_hex(8)}, is_private=True)


class Provider:
    """Authlib's authorization server with keys that can be turned over. Users' tokens have RS256, those of services ES256."""

    def __init__(self, app, issuer, form):
        self.issuer = issuer
        self.form = form
        self.authorization = AuthorizationServer(app, CLIENTS.get, save_token=lambda token, request: None)
        self.rotate()
        self.authorization.register_grant(CodeGrant, [CodeChallenge(required=True), IdTokens(self)])
        self.authorization.register_grant(ClientCredentialsGrant)

    def rotate(self):
        """New keys in the place of the old, which are withdrawn at once."""
        self.keys = {alg: new_key(*kind) for alg, kind in KEY_KINDS.items()}
        for grant_type, alg in [('default', 'RS256'), (CREDENTIALS, 'ES256')]:
            generator = self.form(self.issuer, alg, self.private_set(alg))
            self.authorization.register_token_generator(grant_type, generator)

    def private_set(self, alg):
        """The one form of a key whose name every version of Authlib writes into tokens."""
        return {'keys': [self.keys[alg].as_dict(is_private=True)]}

    def key_set(self):
        return KeySet(list(self.keys.values())).as_dict()

    def metadata(self, base):
        """OpenID Connect Discovery §3, checked by Authlib."""
        document = OpenIDProviderMetadata(
            issuer=self.issuer,
            authorization_endpoint=f'{base}/authorize',
            token_endpoint=f'{base}/token',
            jwks_uri=f'{base}/jwks',
            response_types_supported=['code'],
            subject_types_supported=['public'],
            id_token_signing_alg_values_supported=['RS256'],
            code_challenge_methods_supported=['S256'],
        )
        document.validate()
        return document


def add_routes(app, provider, origin):
    path = urlsplit(provider.issuer).path
    authorization = provider.authorization
    metadata = provider.metadata(f'{origin}{path}')

    @app.get(get_well_known_url(provider.issuer))
    def discovery():
        return metadata

    @app.get(f'{path}/jwks')
    def jwks():
        return provider.key_set()

    @app.get(f'{path}/authorize')
    def authorize():
        """`login_hint` (OpenID Connect Core §3.1.2.1) says who signs in."""
        return authorization.create_authorization_response(grant_user=User(request.args['login_hint']))

    @app.post(f'{path}/token')
    def token():
        return authorization.create_token_response()

    @app.post('/_control/rotate')
    def rotate():
        provider.rotate()
        return provider.key_set()


def end_with_input():
    """At once, and also when the test's process is killed: its end of the pipe is closed then too."""
    sys.stdin.read()
    os._exit(0)


def main(form, issuer=None):
    os.environ['AUTHLIB_INSECURE_TRANSPORT'] = '1'  # plain http, which is for loopback only
    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    app = Flask(__name__)
    server = make_server('127.0.0.1', 0, app, threaded=True)
    origin = f'http://127.0.0.1:{server.server_port}'
    provider = Provider(app, issuer or f'{origin}/op', FORMS[form])
    add_routes(app, provider, origin)
    threading.Thread(target=end_with_input, daemon=True).start()
    ready = {'base': f'{origin}{urlsplit(provider.issuer).path}', 'issuer': provider.issuer, 'authlib': authlib.__version__}
    print(json.dumps({**ready, 'control': f'{origin}/_control'}), flush=True)
    server.serve_forever()


main(*sys.argv[1:])
