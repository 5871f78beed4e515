def test_a_check_that_answers_at_once(shared):
    module = shared.load("always.Always")
    assert module.names == ["check_event_for_spam", "user_may_join_room", "user_may_invite"]
    assert module.call("user_may_invite", "@alice:example.org", "@bob:example.org", "!room:example.org") == "NOT_SPAM"
    assert module.call("user_may_invite", "@evil:example.org", "@bob:example.org", "!r:x") == {"$code": "M_FORBIDDEN"}
