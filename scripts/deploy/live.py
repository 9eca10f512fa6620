"""The live image of a stage, and a check that it answers."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from scripts.common.errors import CommandError
from scripts.deploy.account import CONFIG, Account, aws_errors

TEXT = "A warm, funny film that never talks down to its audience."
SECONDS = 35  # more than the API waits for the function
TRIES, PAUSE_SECONDS = 6, 5  # a new name, and a new permission, are not known everywhere at once


def live_digest(account: Account, function: str) -> str:
    """Return `sha256:...` of the image behind the alias `live`.

    A function that something else deployed by a tag has that in its place.
    """
    client = account.session.client("lambda", config=CONFIG)
    with aws_errors("Lambda"):
        code = client.get_function(FunctionName=function, Qualifier="live")["Code"]
    return code["ImageUri"].rpartition("@")[2]


def running_tasks(account: Account, stack: str) -> int | None:
    """Return the number of running tasks of a service, whose stack this is.

    None where ECS does not say, as to a role that may not ask.
    """
    found = account.outputs(stack)
    client = account.session.client("ecs", config=CONFIG)
    try:
        services = client.describe_services(cluster=found["Cluster"], services=[found["Service"]])
        return int(services["services"][0]["runningCount"])
    except (LookupError, BotoCoreError, ClientError):
        return None


def check_answers(
    account: Account,
    url: str,
    auth: str,
    key: str | None,
    *,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Request health and, as far as access allows, a prediction; return a summary of the answer.

    Raises CommandError if the deployment does not answer as it should, not even after a while.
    """
    sign = _signature(account) if auth == "iam" else None
    refused = auth == "jwt" or (auth == "key" and not key)
    headers = {"x-prediction-log": "off"}  # not a caller's traffic
    if auth == "key" and key:
        headers["authorization"] = f"Bearer {key}"
    for left in reversed(range(tries)):
        ready, _ = _send_request(f"{url}/health/ready", None, {}, sign)
        # A model of pairs of texts refuses a single one.
        for inputs in (TEXT, {"text": TEXT, "text_pair": TEXT}):
            status, answer = _send_request(f"{url}/v1/predict", {"inputs": inputs}, headers, sign)
            if status != 422:
                break
        if refused and status == 401 and ready in ((401,) if auth == "jwt" else (200,)):
            return "it is up, and lets nobody in without a key or token; none was given to ask it"
        if not refused and ready == status == 200 and answer.get("predictions"):
            return f"{_summary(answer['predictions'][0])}, by {answer['model']['version']}"
        if left:
            sleep(PAUSE_SECONDS)
    raise CommandError(f"{url} answers {ready} for its health and {status} for a text: {answer}")


def _summary(prediction: Mapping[str, Any]) -> str:
    if "entities" in prediction:
        return f"{len(prediction['entities'])} entities"
    if "labels" in prediction:
        return f"labels {', '.join(prediction['labels'])}"
    if "embedding" in prediction:
        return f"a vector of {len(prediction['embedding'])} dimensions"
    return f"{prediction.get('label', 'score')} {prediction['score']:.3f}"


def _send_request(
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    sign: Callable[[AWSRequest], None] | None,
) -> tuple[int, dict[str, Any]]:
    """Return status and document; status 0 where there is no answer."""
    content = None if body is None else json.dumps(body).encode()
    request = AWSRequest("GET" if body is None else "POST", url, dict(headers), content)
    if content:
        request.headers["content-type"] = "application/json"
    if sign:
        sign(request)
    sent = urllib.request.Request(  # noqa: S310 -- the address is of our own stack
        url, content, dict(request.headers.items()), method=request.method
    )
    try:
        with urllib.request.urlopen(sent, timeout=SECONDS) as response:  # noqa: S310
            return response.status, _document(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _document(error.read())
    except OSError as error:
        return 0, {"error": str(error)}


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {"error": content[:200].decode(errors="replace")}
    return document if isinstance(document, dict) else {"error": document}


def _signature(account: Account) -> Callable[[AWSRequest], None]:
    """Return the signature of requests that IAM checks."""
    credentials = account.session.get_credentials()
    if credentials is None:
        raise CommandError("no AWS credentials to sign requests with")
    signer = SigV4Auth(credentials.get_frozen_credentials(), "execute-api", account.region)
    return lambda request: signer.add_auth(request)
