"""One git operation with libgit2: a JSON request on standard input, a JSON answer on standard output."""
import json
import sys

import pygit2

request = json.load(sys.stdin)
folder = request["dir"]
refused = []


class Callbacks(pygit2.RemoteCallbacks):
    asked = 0

    def credentials(self, url, username_from_url, allowed_types):
        # libgit2 asks again after a 401; whoever has one credential only must give up then.
        self.asked += 1
        if self.asked > 1 or request.get("password") is None:
            raise pygit2.GitError("the credentials were not accepted")
        return pygit2.UserPass(request["user"], request["password"])

    def push_update_reference(self, refname, message):
        if message is not None:
            refused.append(f"{refname}: {message}")


def clone():
    # Newer versions take a depth; older ones refuse the argument.
    depth = {"depth": request["depth"]} if "depth" in request else {}
    pygit2.clone_repository(request["url"], folder, callbacks=Callbacks(), **depth)


def fetch():
    pygit2.Repository(folder).remotes["origin"].fetch(callbacks=Callbacks())


def signature():
    name, mail = request["author"].removesuffix(">").split(" <")
    return pygit2.Signature(name, mail)


def commit():
    repo = pygit2.Repository(folder)
    repo.index.add(request["file"])
    repo.index.write()
    parents = [] if repo.head_is_unborn else [repo.head.target]
    tree = repo.index.write_tree()
    repo.create_commit("HEAD", signature(), signature(), request["message"], tree, parents)


def tag():
    repo = pygit2.Repository(folder)
    repo.create_tag(request["tag"], repo.head.target, pygit2.GIT_OBJ_COMMIT, signature(), request["message"])


def push():
    plus = "+" if request.get("force") else ""
    remote = pygit2.Repository(folder).remotes["origin"]
    remote.push([plus + spec for spec in request["refspecs"]], callbacks=Callbacks())


try:
    {"clone": clone, "fetch": fetch, "commit": commit, "tag": tag, "push": push}[request["command"]]()
    failure = refused[0] if refused else None
except Exception as error:
    failure = f"{type(error).__name__}: {error}"
json.dump({"failure": failure}, sys.stdout)
