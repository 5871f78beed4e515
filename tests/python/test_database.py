"""SQL in transactions of the host's, statement after statement."""

import pytest
from bridge_host import Refused


@pytest.fixture
def storing(shared):
    module = shared.load("storing.Storing")
    assert run(module, "create") == 1
    return module


def run(module, name):
    return module.call("on_account_data_updated", name, None, "t", {})


def test_rows_come_in_every_way_that_cursors_have(storing):
    two, one = ["two", 2, None], {"$tuple": ["one", 1, {"$bytes": "AP8="}]}
    assert run(storing, "reading") == [
        ["name", "number", "data"],
        one,
        [{"$tuple": two}],
        None,
        ["one", "two"],
        [{"name": "one", "number": 1}, {"name": "two", "number": 2}],
        [{"$tuple": ["one"]}],
        [{"$tuple": ["two"]}],
        [],
    ]


def test_a_transaction_names_its_module_call_and_description(storing, shared):
    del shared.questions[:]
    run(storing, "reading")
    assert shared.questions[0] == {
        "do": "begin",
        "entry": storing.entry,
        "call": "call of on_account_data_updated",
        "description": "reading",
    }
    assert shared.questions[-1] == {"do": "commit"}


def test_what_a_function_raises_rolls_back(storing, shared):
    with pytest.raises(Refused) as refused:
        run(storing, "failing")
    assert refused.value.error["class"] == "KeyError" and "storing.py" in refused.value.error["traceback"]
    assert shared.questions[-1] == {"do": "rollback"}
    assert shared.sql("SELECT count(*) FROM things") == [(2,)]


def test_errors_of_the_database_are_the_classes_of_the_db_api(storing):
    assert "UNIQUE" in run(storing, "duplicate")
    with pytest.raises(Refused) as refused:
        run(storing, "wrong")
    assert refused.value.error == {"kind": "sql", "class": "OperationalError", "text": "no such table: nowhere"}


def test_functions_that_select(storing):
    one_row = [1, 1, ["one", 1], {"name": "one", "number": 1}, None]
    assert run(storing, "selects") == [
        {"name": "one", "number": 1},
        None,
        2,
        None,
        [1, 2],
        one_row,
        ["one", "two"],
        [],
        [{"$tuple": ["two"]}],
    ]


def test_functions_that_miss_a_row_or_find_too_many(storing):
    assert run(storing, "missing") == [404, 500, 404, 404, 500, 404]


def test_functions_that_change(storing):
    rows = [{"$tuple": row} for row in (["five", 2], ["four", 44], ["six", 66], ["two", 1])]
    assert run(storing, "changes") == [1, 2, rows]


def test_what_follows_a_commit_runs_in_the_reactors_thread(shared):
    module = shared.load("storing.After")
    assert run(module, "good") == 1
    assert run(module, "what was seen") == [[["after", 1, True]], 1]
    with pytest.raises(Refused):
        run(module, "bad")
    assert run(module, "what was seen") == [[["exception", None, True]], 1]


def test_a_transaction_that_collides_runs_again_at_most_five_times(shared):
    module = shared.load("storing.After")
    shared.commits_that_collide = 2
    assert run(module, "good") == 1
    assert run(module, "what was seen") == [[["after", 1, True]], 3]
    shared.commits_that_collide = 9
    with pytest.raises(Refused) as refused:
        run(module, "good")
    assert refused.value.error["class"] == "OperationalError"
    assert run(module, "what was seen") == [[["exception", None, True]], 5]
    shared.commits_that_collide = 0


def test_a_transaction_is_of_no_use_once_it_is_over(shared):
    module = shared.load("storing.After")
    run(module, "kept")
    with pytest.raises(Refused) as refused:
        run(module, "too late")
    assert "the transaction kept is over" in refused.value.error["text"]


def test_transactions_run_while_the_reactor_goes_on(shared):
    module = shared.load("storing.After")
    numbers = [module.post("on_account_data_updated", "good", None, "t", {}) for _ in range(20)]
    assert [shared.wait(number) for number in numbers] == [1] * 20


def test_arguments_reach_the_function(evaluate):
    assert evaluate("await api.run_db_interaction('d', lambda txn, a, b: [a, b], 1, b=2)") == [1, 2]


class TestPool:
    """What modules reach through the database of the homeserver object."""

    def test_statements_and_transactions_of_their_own(self, storing, evaluate):
        pool = "api._hs.get_datastores().main.db_pool"
        assert evaluate("await %s.execute('d', 'SELECT name FROM things WHERE number = ?', 1)" % pool) == [{"$tuple": ["one"]}]
        older = "await %s.execute('d', DatabasePool.cursor_to_dict, 'SELECT name FROM things WHERE number = ?', 2)"
        assert evaluate(older % "api._store.db_pool") == [{"name": "two"}]
        assert evaluate("await %s.runInteraction('d', lambda txn, x: x, 5, db_autocommit=True)" % pool) == 5
        assert evaluate("await %s.simple_insert('things', {'name': 'x', 'number': 9})" % pool) is None
        assert evaluate("await %s.simple_insert_many('things', ['name'], [['y'], ['z']], 'd')" % pool) is None
        assert evaluate("await %s.simple_upsert('things', {'name': 'x'}, {'number': 10})" % pool) is True
        assert evaluate("await %s.simple_select_one('things', {'name': 'x'}, ['number'])" % pool) == {"number": 10}
        assert evaluate("await %s.simple_select_one_onecol('things', {'name': 'x'}, 'number')" % pool) == 10
        assert evaluate("await %s.simple_select_onecol('things', {'name': 'x'}, 'number')" % pool) == [10]
        assert evaluate("await %s.simple_select_list('things', {'name': 'x'}, ['number'])" % pool) == [{"$tuple": [10]}]
        assert evaluate("await %s.simple_update('things', {'name': 'x'}, {'number': 11})" % pool) == 1
        assert evaluate("await %s.simple_update_one('things', {'name': 'x'}, {'number': 12})" % pool) is None
        assert evaluate("await %s.simple_delete('things', {'number': 12})" % pool) == 1
