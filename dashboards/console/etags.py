"""Entity tags (RFC 9110, section 8.8.3): who asks again for an answer that has not changed gets 304 and no body.

The answer is made all the same, since only then is it known whether it has changed; what is saved is the way to the
caller. Like all others these answers tell caches to keep nothing: a script that asks again remembers the tag.
"""

from __future__ import annotations

import hashlib

from aiohttp import web
from aiohttp.typedefs import Handler

_API, _JSON = "/api/", "application/json"


@web.middleware
async def with_etags(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tag what GET answers as JSON below `/api`; 304 where `If-None-Match` names the tag."""
    answer = await handler(request)
    is_tagged = request.method == "GET" and request.path.startswith(_API) and answer.status == web.HTTPOk.status_code
    if not (is_tagged and isinstance(answer, web.Response) and answer.content_type == _JSON):
        return answer
    tag = hashlib.blake2b(answer.body if isinstance(answer.body, bytes) else b"", digest_size=16).hexdigest()
    answer.etag = tag
    if any(asked.value in {tag, "*"} for asked in request.if_none_match or ()):
        return web.Response(status=304, headers={name: answer.headers[name] for name in ("ETag", "Cache-Control")})
    return answer
