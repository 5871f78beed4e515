"""What runs beside the callbacks: loops, delays, threads, and the functions that start them."""

import pytest
from bridge_host import LATER, Refused


@pytest.fixture
def admins(shared):
    """Whom modules asked about."""
    asked = []
    shared.operations["is_user_admin"] = lambda arguments: asked.append(arguments["user_id"])
    return asked


def test_a_loop_goes_on_after_errors_and_knows_whose_it_is(shared, admins, evaluate):
    loop = "api.looping_background_call(lambda name: (api.check_user_exists(name), 1 / 0)[0], 1, '@loop:x', desc='the loop')"
    asked = []
    shared.operations["check_user_exists"] = lambda arguments: asked.append(arguments["user_id"])
    evaluate(loop)
    shared.until(lambda: asked.count("@loop:x") >= 3)
    assert shared.asked[-1]["entry"] and shared.asked[-1]["call"] is None
    record = shared.logged("Background process 'the loop' threw an exception")
    assert "ZeroDivisionError" in record["traceback"]


def test_a_run_of_a_loop_waits_for_the_one_before(package):
    text = """
class Module:
    def __init__(self, config, api):
        self.api = api
        api.looping_background_call(self.loop, 1)
    async def loop(self):
        await self.api.is_user_admin("@a:x")
"""
    host = package("looping", text)
    host.operations["is_user_admin"] = lambda arguments: LATER
    module = host.load("looping.Module")
    host.until(lambda: host.asked)
    for _ in range(20):
        host.request("ping")
    assert [(one["entry"], one["call"]) for one in host.asked] == [(module.entry, None)]
    host.answer(host.asked[0], True)
    host.until(lambda: len(host.asked) == 2)


def test_a_delayed_call_happens_once_and_can_be_cancelled(shared, admins, evaluate):
    evaluate("api.delayed_background_call(1, api.is_user_admin, '@later:x') and None")
    shared.until(lambda: "@later:x" in admins)
    evaluate("api.delayed_background_call(1e7, api.is_user_admin, '@never:x').cancel()")


def test_sleeping_threads_and_results(evaluate):
    assert evaluate("await api.sleep(0.001)") is None
    assert evaluate("await api.defer_to_thread(lambda a, b: a + b, 1, b=2)") == 3
    assert evaluate("await threads.deferToThread(len, 'four')") == 4
    pool = "await api.defer_to_threadpool(reactor.getThreadPool(), __import__('threading').current_thread().__class__.__name__.upper)"
    assert evaluate(pool) == "_MAINTHREAD"
    with pytest.raises(Refused) as refused:
        evaluate("await api.defer_to_thread(int, 'x')")
    assert refused.value.error["class"] == "ValueError"


@pytest.mark.parametrize(
    "expression, value",
    [
        ("await run_in_background(lambda: 1)", 1),
        ("await run_in_background(api.is_user_admin, '@a:x')", False),
        ("await make_deferred_yieldable(run_in_background(api.is_user_admin, '@a:x'))", False),
        ("await run_in_background(lambda: defer.succeed(2))", 2),
        ("await defer.gatherResults([run_in_background(api.is_user_admin, '@a:x'), defer.succeed(3)])", [False, 3]),
        ("await run_as_background_process('d', lambda x: x, 4)", 4),
        ("await run_as_background_process('d', lambda: 1 / 0, bg_start_span=False)", None),
        ("await api.run_as_background_process('d', api.is_user_admin, '@a:x')", False),
        ("await defer.ensureDeferred(api.is_user_admin('@a:x'))", False),
        ("await api._hs.get_clock().sleep(0.001)", None),
        ("api._hs.get_clock().time_msec() > 1.6e12", True),
        ("await defer.Deferred.fromCoroutine(api.sleep(0))", None),
    ],
)
def test_ways_to_start_something(evaluate, admins, expression, value):
    assert evaluate(expression) == value


def test_an_error_of_what_was_started_reaches_who_waits(evaluate):
    for expression in ("await run_in_background(lambda: 1 / 0)", "await run_in_background(api.defer_to_thread, lambda: 1 / 0)"):
        with pytest.raises(Refused) as refused:
            evaluate(expression)
        assert refused.value.error["class"] == "ZeroDivisionError"


def test_logging_contexts_do_no_harm(evaluate):
    expression = """(lambda c: [c.current_context().name, str(c.nested_logging_context('x'))])(
        __import__('synapse.logging.context').logging.context)"""
    assert evaluate(expression) == ["sentinel", "sentinel-x"]
    expression = "(lambda c: [c.LoggingContext('n').__enter__().name, c.preserve_fn(len)('abc').result])(%s)"
    assert evaluate(expression % "__import__('synapse.logging.context').logging.context") == ["n", 3]


def test_reactor_calls(shared, admins, evaluate):
    evaluate("reactor.callWhenRunning(lambda: defer.ensureDeferred(api.is_user_admin('@running:x')))")
    evaluate("reactor.callLater(0, lambda: defer.ensureDeferred(api.is_user_admin('@later:x'))) and None")
    evaluate("reactor.callInThread(reactor.callFromThread, lambda: defer.ensureDeferred(api.is_user_admin('@thread:x')))")
    shared.until(lambda: {"@running:x", "@later:x", "@thread:x"} <= set(admins))
