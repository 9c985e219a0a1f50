"""Requests to the S3 server of S3_ENDPOINT, signed as AWS says, for test scripts."""
import datetime, hashlib, hmac, os
from urllib.parse import quote

ENV = os.environ
HOST = ENV["S3_ENDPOINT"].split("//")[1]


def signed(method, path, query=(), at=None):
    """Path and query of a request that whoever has them may make for a week from `at` on."""
    at = at or datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{ENV['AWS_REGION']}/s3/aws4_request"
    fields = [*query, ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"{ENV['AWS_ACCESS_KEY_ID']}/{scope}"),
              ("X-Amz-Date", at), ("X-Amz-Expires", "604800"), ("X-Amz-SignedHeaders", "host")]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields))
    request = "\n".join([method, quote(path), query, f"host:{HOST}\n", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + ENV["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{quote(path)}?{query}&X-Amz-Signature={key.hex()}"


def put(connection, path, body, query=()):
    """Over an http.client connection, which is kept."""
    connection.request("PUT", signed("PUT", path, query), body)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise OSError(f"{path}: {answer.status} {said.decode()}")
