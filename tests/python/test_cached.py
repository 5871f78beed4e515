"""Functions whose results are kept."""

import pytest
from bridge_host import Refused


@pytest.fixture
def keeping(shared):
    shared.operations["is_user_admin"] = lambda arguments: arguments["user_id"] == "@admin:x"
    shared.operations["invalidate_cache"] = lambda arguments: None
    module = shared.load("keeping.Keeping")
    module.evaluate = lambda expression: module.call("on_account_data_updated", expression, None, None, {})
    return module


def test_registered_functions_are_named_with_the_parts_of_their_keys(keeping):
    assert keeping.described["cached"] == [{"name": "keeping.one", "parts": 1}, {"name": "keeping.two", "parts": 2}]


def test_the_second_call_doesnt_run(keeping):
    assert keeping.evaluate("[await self.one('@admin:x'), await self.one('@admin:x'), await self.one(user_id='@b:x')]") == [
        True,
        True,
        False,
    ]
    assert keeping.evaluate("self.runs") == ["@admin:x", "@b:x"]


def test_positional_named_and_default_arguments_are_one_key(keeping):
    keeping.evaluate(
        "[await self.two(1), await self.two(1, 'default'), await self.two(first=1, third=3), await self.two(1, second='x')]"
    )
    assert keeping.evaluate("self.runs") == [[1, "default", None], [1, "x", None]]


def test_the_least_recently_used_goes_first(keeping):
    keeping.evaluate("[await self.two(key) for key in (1, 2, 1, 3, 1, 2)]")
    assert keeping.evaluate("[run[0] for run in self.runs]") == [1, 2, 3, 2]


def test_plain_functions_are_awaited_too_and_uncached_arguments_are_no_part_of_the_key(keeping):
    assert keeping.evaluate("[await self.plain('k', 1), await self.plain('k', 2)]") == [1, 1]


def test_callers_share_a_run(keeping):
    code = "[self.wait(), all_ := gather([self.yielding('k') for _ in range(3)]), self.waiting.callback(7), await all_][3]"
    assert keeping.evaluate(code) == [7, 7, 7]
    assert keeping.evaluate("self.runs") == ["k"]


def test_an_exception_reaches_all_and_isnt_kept(keeping):
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            keeping.evaluate("await self.failing('k')")
        assert refused.value.error["class"] == "KeyError"
    assert keeping.evaluate("self.runs") == ["k", "k"]


def test_what_is_invalidated_in_a_run_isnt_kept(keeping):
    code = (
        "[self.wait(), first := self.yielding('k'), self.yielding.invalidate(('k',)), w := self.waiting, self.wait(),"
        " second := self.yielding('k'), w.callback(1), self.waiting.callback(2), await first, await second, await self.yielding('k')]"
    )
    assert keeping.evaluate(code + "[-3:]") == [1, 2, 2]


def test_it_is_forgotten_here_and_everywhere(keeping, shared):
    keeping.evaluate("await self.one('@a:x')")
    keeping.evaluate("await api.invalidate_cache(self.one, ('@a:x',))")
    keeping.evaluate("await self.one('@a:x')")
    assert keeping.evaluate("self.runs") == ["@a:x", "@a:x"]
    assert shared.asked[-2]["arguments"] == {"function": "keeping.one", "key": ["@a:x"]}


def test_what_another_worker_forgot_is_forgotten(keeping, shared):
    keeping.evaluate("[await self.one('@a:x'), await self.two(1), await self.two(2)]")
    for key, function in ((["@a:x"], "keeping.one"), ([1, "default"], "keeping.two"), (["unknown"], "other.function")):
        assert shared.request("invalidate", entry=keeping.entry, function=function, key=key) == {}
    keeping.evaluate("[await self.one('@a:x'), await self.two(1), await self.two(2)]")
    assert keeping.evaluate("len(self.runs)") == 5
    shared.request("invalidate", entry=None, function="keeping.two", key=None)
    keeping.evaluate("await self.two(2)")
    assert keeping.evaluate("len(self.runs)") == 6


@pytest.mark.parametrize(
    "arguments, text",
    [
        ("self.plain, ('k',)", "keeping.plain isn't registered"),
        ("len, ('k',)", "isn't registered"),
        ("self.two, ('k',)", "the key of keeping.two is a tuple of 2 parts"),
        ("self.one, '@a:x'", "is a tuple of 1 parts"),
    ],
)
def test_an_invalidation_that_would_match_nothing_is_an_error(keeping, arguments, text):
    with pytest.raises(Refused) as refused:
        keeping.evaluate("await api.invalidate_cache(%s)" % arguments)
    assert refused.value.error["class"] == "ValueError" and text in refused.value.error["text"]


def test_a_value_that_is_known_already(keeping):
    assert keeping.evaluate(
        "[self.two.prefill((1, 2), 'known'), await self.two(1, 2), self.two.invalidate_all(), await self.two(1, 2)]"
    ) == [
        None,
        "known",
        None,
        [1, 2],
    ]


def test_a_missing_argument_is_seen_before_the_function_runs(keeping):
    with pytest.raises(Refused) as refused:
        keeping.evaluate("await self.one()")
    assert refused.value.error["class"] == "KeyError" and keeping.evaluate("self.runs") == []


@pytest.mark.parametrize(
    "decorator, parameters, text",
    [
        ("cached(num_args=1, uncached_args=['a'])", "self, a", "can't be used together"),
        ("cached(num_args=2)", "self, a", "num_args is 2"),
        ("cached(uncached_args=['a'])", "self, a", "all its parameters are uncached"),
        ("cached()", "self, *, a", "keyword-only"),
        ("descriptors.cached(tree=True)", "self, a", "cached(tree=True)"),
    ],
)
def test_mistakes_are_seen_when_the_class_is_made(package, decorator, parameters, text):
    source = "from synapse.module_api import cached\nfrom synapse.util.caches import descriptors\nclass Module:\n    @%s\n    async def f(%s): ...\n"
    with pytest.raises(Refused) as refused:
        package("wrong", source % (decorator, parameters)).load("wrong.Module")
    assert text in refused.value.error["text"]
