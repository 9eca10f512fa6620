"""Make the sandbox that infra/stages.py names: the roles of previews and of nightly checks.

Run once, with an administrator's credentials of the sandbox's account, and after a change of
infra/components/preview_roles.py. --remove deletes it again.
"""

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import UsageError
from scripts.common.progress import log

with needing("make synth"):
    from infra.components.preview_roles import assets_bucket
    from infra.configuration.sandbox import SANDBOX
    from scripts.deploy import stacks
    from scripts.deploy.account import open_account
    from scripts.deploy.foundation import ensure_bootstrap, github_oidc
    from scripts.deploy.preview import list_previews
    from scripts.destroy import empty_bucket


def main() -> None:
    parser = command_parser("scripts.sandbox", __doc__)
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--remove", action="store_true", help="delete it")
    arguments = parser.parse_args()
    project, _ = stacks.load_stages()
    sandbox = stacks.load_sandbox()
    if sandbox is None:
        raise UsageError("infra/stages.py names no sandbox; docs/sandbox.md says how to make one")
    account = open_account(sandbox.preview("pr-1"))
    stack = f"{project.name}-{SANDBOX}"
    context = {"stage": SANDBOX, "github_oidc": github_oidc(account, project, stack)}
    if not arguments.remove:
        ensure_bootstrap(account, sure=arguments.yes)
        stacks.deploy([stack], context)
        log(f"{stack} is there: pull requests get previews once this configuration is on main")
        return
    if left := list_previews(account, project):
        raise UsageError(f"{', '.join(left)} still stand on it: close their pull requests first")
    if account.stack(stack):
        empty_bucket(account, assets_bucket(project, account.number, account.region))
    stacks.destroy([stack], context)
    log(f"{stack} is gone")


if __name__ == "__main__":
    run(main)
