"""What modules log, and how much of it is told to the host."""


def records(host, text):
    return [one for one in host.notices if one["do"] == "log" and text in one["text"]]


def left_out(host):
    return [one for one in host.notices if one["do"] == "left_out"]


def test_a_hundred_records_a_second_are_told_and_the_number_of_the_others(host):
    module = host.load("chatty.Chatty", {"records": 1000})
    assert host.until(lambda: left_out(host))
    assert sum(one["records"] for one in left_out(host)) + len(records(host, "chatter")) == 1000
    assert 100 <= len(records(host, "chatter")) <= 300
    assert {one["entry"] for one in left_out(host)} == {module.entry}


def test_one_entry_leaves_the_others_their_own(host):
    host.load("chatty.Chatty", {"records": 1000})
    host.load("chatty.Chatty", {"records": 1, "text": "a word"})
    assert host.logged("a word")


def test_a_second_later_there_is_room_again(host):
    host.load("chatty.Chatty", {"records": 200, "wait": 1.1, "text": "chatter"})
    last = host.logged("at last")
    # By then the host knows what it wasn't told.
    assert host.notices.index(left_out(host)[0]) < host.notices.index(last)
