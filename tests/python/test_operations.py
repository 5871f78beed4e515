"""How many operations modules have at once."""

from bridge_host import LATER

_ASKS_MUCH = """
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, gatherResults
class Module:
    def __init__(self, config, api):
        self.api = api
        api.register_spam_checker_callbacks(user_may_create_room=self.asks, user_may_publish_room=self.gives_up)
    async def asks(self, user):
        found = await gatherResults([ensureDeferred(self.api.is_user_admin("@%d:x" % one)) for one in range(1200)])
        return "NOT_SPAM" if found == [True] * 1200 else "WRONG"
    async def gives_up(self, user, room):
        all = [ensureDeferred(self.api.is_user_admin("@%d:x" % one)) for one in range(600)]
        for one in reversed(all):
            one.addErrback(lambda failure: failure.trap(CancelledError) and None)
            one.cancel()
        return "NOT_SPAM"
"""


def test_those_beyond_five_hundred_are_asked_for_when_others_have_been_answered(package):
    host = package("much", _ASKS_MUCH)
    module = host.load("much.Module")
    host.operations["is_user_admin"] = lambda arguments: LATER
    call = module.post("user_may_create_room", "@alice:x")
    host.until(lambda: len(host.asked) == 500)
    host.request("ping")
    assert len(host.asked) == 500
    for answered in range(1200):
        host.until(lambda: len(host.asked) > answered)
        host.answer(host.asked[answered], True)
    assert host.wait(call) == "NOT_SPAM"
    assert [message["arguments"]["user_id"] for message in host.asked] == ["@%d:x" % one for one in range(1200)]


def test_those_that_nobody_waits_for_any_more_are_never_asked_for(package):
    host = package("much", _ASKS_MUCH)
    module = host.load("much.Module")
    host.operations["is_user_admin"] = lambda arguments: LATER
    assert host.wait(module.post("user_may_publish_room", "@alice:x", "!room:x")) == "NOT_SPAM"
    host.request("ping")
    assert len(host.asked) == 500
    host.operations["is_user_admin"] = lambda arguments: True
    call = module.post("user_may_create_room", "@alice:x")
    assert host.wait(call) == "NOT_SPAM"
