// Not compiled: read by check_coroutine_forms.py --self-test. Each form of GCC 12.2's that isn't to be written, and its neighbours
// that are.

task<void> bad(std::shared_ptr<int> p, bool which) {
    co_await f({.room = id, .limit = 5});  // expect: a braced initializer in a statement with co_await
    co_await f(args{1, 2});  // expect: a braced initializer in a statement with co_await
    co_await run([p] { return *p; });  // expect: a lambda with captures in a statement with co_await
    co_await run([p = std::move(p)]() -> task<int> { co_return 1; }());  // expect: a coroutine that is a lambda with captures; // expect: a lambda with captures in a statement with co_await
    auto a = which ? co_await one() : T();  // expect: ?: in a statement with co_await
    co_await f(which ? T(1) : T(2));  // expect: ?: in a statement with co_await
    auto b = co_await one() + co_await two();  // expect: more than one co_await
    const auto c =  // expect: a braced initializer in a statement with co_await
        co_await put(json::object{{"k", 1}});
    if (co_await f({.room = id})) return;  // expect: a braced initializer in a statement with co_await
    while (co_await f(which ? 1 : 2)) {  // expect: ?: in a statement with co_await
        co_await g("a ? b : c");
    }
    const auto d = [p] {  // expect: a coroutine that is a lambda with captures
        co_return *p;
    };
    for (auto x = co_await one(); co_await two(x); co_await three({1})) {}  // expect: a braced initializer in a statement with co_await
    co_return co_await pair{one(), 2};  // expect: a braced initializer in a statement with co_await
}

task<int> good(const std::vector<int>& values, bool which) {
    args named{.room = id, .limit = 5};
    co_await f(std::move(named));
    const int chosen = which ? 1 : 2;
    co_await f(chosen);  // { ? : }
    co_await f("{ [p] ? : }", '{', R"(co_await co_await { ? )");
    co_await f({});
    co_await table[chosen];
    auto plain = [&](int x) { return which ? x : 1; };
    co_await g(plain);
    co_await g([] { return 1; });
    if (which) {
        co_await one();
    } else {
        co_await two();
    }
    for (const int value : values) co_await three(value);
    try {
        const auto found = co_await one();
        static_cast<void>(found);
    } catch (...) {
    }
    switch (chosen) {
        case 1: co_await one(); break;
        default: break;
    }
    co_return co_await one();
}

struct S {
    task<int> member() const noexcept { co_return co_await one(); }
    auto operator co_await() && { return awaiter{1, 2}; }
    int value{1};
};

void kept(slots& given) {
    given.check = [this](int asked) -> task<int> { co_return co_await one(asked); };
    slots* const all = &given;
    all->check = [all] { co_await one(); };
    registration::take(slots{.check = [all]() -> task<int> { co_return 1; }});
    auto check = [all]() -> task<int> { co_return 1; };  // expect: a coroutine that is a lambda with captures
}
