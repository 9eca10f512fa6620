"""An image that this repository's workflow did not build is not deployed."""

import json
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from infra.stages import DEV
from scripts.common.errors import CommandError
from scripts.deploy.account import open_account
from scripts.workflow import verify_provenance
from tests.stand_ins.docker import put_image

REPOSITORY = "evergreen/function"
MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {"size": 1},
        "layers": [{"digest": f"sha256:{'cd' * 32}"}],
    }
)
DIGEST = f"sha256:{sha256(MANIFEST.encode()).hexdigest()}"


@pytest.fixture
def pushed(cloud):
    """An image in ECR."""
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    put_image(ecr, f"host/{REPOSITORY}:tag", MANIFEST, MEDIA_TYPE, imageDigest=DIGEST)


@pytest.fixture
def gh(monkeypatch):
    """GitHub's command line: what it was asked, with the file's digest, and how it ends."""
    played = SimpleNamespace(asked=[], code=0)

    def run(command, **_):
        played.asked.append((command, sha256(Path(command[3]).read_bytes()).hexdigest()))
        return SimpleNamespace(returncode=played.code, stderr="no attestations\nfound")

    monkeypatch.setattr(verify_provenance, "subprocess", SimpleNamespace(run=run))
    return played


def test_the_manifest_that_is_verified_has_the_digest_that_is_deployed(line, gh, pushed):
    given = ["--function-image", DIGEST, "--server-image", ""]
    code, out, err = line(verify_provenance, "--stage", "dev", *given)
    assert code == 0, err
    ((command, verified),) = gh.asked
    assert f"sha256:{verified}" == DIGEST
    repository = "your-organisation/evergreen"
    assert command[:3] == ["gh", "attestation", "verify"]
    assert f"--repo={repository}" in command
    assert f"--signer-workflow={repository}/.github/workflows/build-image.yml" in command
    assert out == f"evergreen/function@{DIGEST}: built by .github/workflows/build-image.yml\n"


def test_what_is_not_attested_is_refused_in_githubs_words(line, gh, pushed):
    gh.code = 1
    code, _, err = line(verify_provenance, "--stage", "dev", "--function-image", DIGEST)
    assert code == 1
    assert "is not attested by your-organisation/evergreen/.github/workflows/build-image.yml" in err
    assert "no attestations found" in err


def test_another_manifest_than_that_of_the_digest_is_refused(cloud, monkeypatch, pushed):
    account = open_account(DEV)
    other = {"images": [{"imageManifest": json.dumps({"schemaVersion": 2})}]}
    monkeypatch.setattr(boto3.client("ecr"), "batch_get_image", lambda **_: other)
    with pytest.raises(CommandError, match="no image sha256:"):
        verify_provenance.read_manifest(account, REPOSITORY, DIGEST)


def test_an_image_that_is_not_there_is_refused(cloud, pushed):
    digest = "sha256:" + "ab" * 32
    with pytest.raises(CommandError, match="no image sha256:abab"):
        verify_provenance.read_manifest(open_account(DEV), REPOSITORY, digest)
