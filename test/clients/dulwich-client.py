"""One git operation with dulwich: a JSON request on standard input, a JSON answer on standard output."""
import io
import json
import sys

from dulwich import porcelain

request = json.load(sys.stdin)
login = {"username": request.get("user"), "password": request.get("password")}
folder = request["dir"]
said = io.BytesIO()


def clone():
    porcelain.clone(request["url"], folder, depth=request.get("depth"), errstream=said, **login).close()


def fetch():
    porcelain.fetch(folder, request["url"], outstream=io.StringIO(), errstream=said, **login)
    # Fetching from a URL moves no remote branch, so the heads are written here as a remote's fetch would.
    refs = porcelain.ls_remote(request["url"], **login)
    with porcelain.open_repo_closing(folder) as repo:
        for name, oid in refs.items():
            if name.startswith(b"refs/heads/"):
                repo.refs[b"refs/remotes/origin/" + name[len(b"refs/heads/"):]] = oid


def commit():
    porcelain.add(folder, [f"{folder}/{request['file']}"])
    porcelain.commit(folder, request["message"], author=request["author"], committer=request["author"])


def tag():
    porcelain.tag_create(
        folder, request["tag"].encode(), author=request["author"].encode(), message=request["message"].encode(), annotated=True
    )


def push():
    porcelain.push(
        folder, request["url"], request["refspecs"], outstream=io.BytesIO(), errstream=said,
        force=request.get("force", False), **login,
    )


try:
    {"clone": clone, "fetch": fetch, "commit": commit, "tag": tag, "push": push}[request["command"]]()
    failure = next((line for line in said.getvalue().decode().splitlines() if line.startswith("Push of ref")), None)
except Exception as error:
    failure = f"{type(error).__name__}: {error}"
json.dump({"failure": failure}, sys.stdout)
