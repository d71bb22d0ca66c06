"""JWT access tokens in the two forms that Authlib makes: RFC 9068's, and that of its generator for RFC 7523, which is older."""
import json
import time

from authlib.common.security import generate_token
from authlib.jose import JsonWebSignature
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerTokenGenerator as Rfc7523Generator
from flask import request

try:
    from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator as Rfc9068Generator
except ImportError:

    class Rfc9068Generator(BearerTokenGenerator):
        """
        RFC 9068 for an Authlib that is older than its own, with the methods of that one as far as they are used here.
        `jwt.encode` of such a version says `typ: JWT` whatever it is given, so that the token is signed as a plain JWS.
        """

        def __init__(self, issuer, alg, expires_generator):
            super().__init__(self.access_token_generator, expires_generator=expires_generator)
            self.issuer = issuer
            self.alg = alg

        def access_token_generator(self, client, grant_type, user, scope):
            """The claims of RFC 9068 §2.2, and `typ` as §2.1 has it."""
            now = int(time.time())
            claims = {
                'iss': self.issuer,
                'aud': self.get_audiences(client, user, scope),
                'sub': user.get_user_id() if user else client.get_client_id(),
                'client_id': client.get_client_id(),
                'scope': scope,
                'iat': now,
                'exp': now + client.lifetime,
                'jti': generate_token(16),
            }
            if user:
                claims['auth_time'] = self.get_auth_time(user)
            [key] = self.get_jwks()['keys']
            header = {'typ': 'at+jwt', 'alg': self.alg, 'kid': key['kid']}
            return JsonWebSignature().serialize_compact(header, json.dumps(claims), key).decode()


def requested_audience():
    """RFC 8707 §2: the API that the client asks a token for, or a list where it asks for several, or for none."""
    resources = request.form.getlist('resource')
    return resources[0] if len(resources) == 1 else resources


class Rfc9068Tokens(Rfc9068Generator):
    """For who asks for no API the client is the audience: Authlib's own default."""

    def __init__(self, issuer, alg, jwks):
        super().__init__(issuer, alg, expires_generator=lambda client, grant_type: client.lifetime)
        self._jwks = jwks

    def get_jwks(self):
        return self._jwks

    def get_audiences(self, client, user, scope):
        return requested_audience() or client.get_client_id()

    def get_auth_time(self, user):
        return user.signed_in_at if user else None


class Rfc7523Tokens(Rfc7523Generator):
    """As Authlib makes them, with `aud` where the client asks for an API: else such a token has none."""

    def __init__(self, issuer, alg, jwks):
        super().__init__(jwks, issuer, alg)

    def generate(self, grant_type, client, user=None, scope=None, expires_in=None):
        return super().generate(grant_type, client, user, scope, expires_in or client.lifetime)

    def get_token_data(self, grant_type, client, expires_in, user=None, scope=None):
        data = super().get_token_data(grant_type, client, expires_in, user, scope)
        audience = requested_audience()
        return {**data, 'aud': audience} if audience else data
