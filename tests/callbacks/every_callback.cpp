#include "every_callback.h"
#include "samples.h"

#include <callbacks/shadowing.h>

#include <boost/pfr/core.hpp>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

namespace samples {

namespace {

/// The answers of a callback that returns bool depend on its pass value, which the combine rule knows.
template <class Combine>
inline constexpr bool pass_of = std::is_base_of_v<async::first_not<true>, Combine>;

template <class R, class Combine>
R answer_with(std::optional<int> decision) {
    if constexpr (std::is_same_v<R, bool>) {
        return decision.has_value() != pass_of<Combine>;
    } else {
        return decision ? Answer<R>::decide(*decision) : Answer<R>::pass();
    }
}

template <class R, class Combine>
async::task<R> run(Module& module) {
    const std::optional<int> decision = co_await module.decide();
    if constexpr (!std::is_void_v<R>) {
        co_return answer_with<R, Combine>(decision);
    } else {
        static_cast<void>(decision);
    }
}

template <class Parameter, class Argument>
void change_if_it_may(Argument& argument) {
    if constexpr (std::is_same_v<Parameter, callbacks::JsonDict&>) argument["changed"] = true;
}
template <class Parameter, class Argument>
bool is_changed(const Argument& argument) {
    if constexpr (std::is_same_v<Parameter, callbacks::JsonDict&>) {
        return !argument.empty();
    } else {
        return false;
    }
}

template <class Slot>
struct Filled;
template <async::name Name, class R, class... Parameters, class Combine, class Errors>
struct Filled<async::slot<Name, R(Parameters...), Combine, Errors>> {
    using slot = async::slot<Name, R(Parameters...), Combine, Errors>;
    using answer = typename async::detail::dispatched<R>::type;

    static slot with(Module& module) {
        return slot([&module](Parameters... arguments) {
            static_cast<void>(std::tie(arguments...));
            if (module.changes_arguments()) (change_if_it_may<Parameters>(arguments), ...);
            return run<answer, Combine>(module);
        });
    }
};
template <async::name Name, class R, class... Parameters, class Combine, class Errors, class Key>
requires(!std::is_void_v<Key>) struct Filled<async::slot<Name, R(Parameters...), Combine, Errors, Key>> {
    using slot = async::slot<Name, R(Parameters...), Combine, Errors, Key>;

    static slot with(Module& module) {
        return slot({{Argument<Key>().value, Filled<async::slot<Name, R(Parameters...), Combine, Errors>>::with(module)}});
    }
};

template <class R>
bool is_denial(const R& combined) {
    if constexpr (std::is_same_v<R, callbacks::Verdict>) {
        return combined.is_spam() && combined.errcode() == "M_FORBIDDEN" && !combined.text();
    } else if constexpr (std::is_same_v<R, callbacks::EventDecision>) {
        return !combined.allowed();
    } else if constexpr (std::is_same_v<R, callbacks::RegistrationBehaviour>) {
        return combined == callbacks::RegistrationBehaviour::DENY;
    } else if constexpr (std::is_same_v<R, std::optional<bool>>) {
        return combined == true;
    } else {
        return false;
    }
}

template <class R, class Combine, class Result>
Combined described(const Result& result) {
    Combined combined;
    if constexpr (std::is_same_v<R, bool>) {
        combined.is_neutral = result == pass_of<Combine>;
        combined.is_decision.fill(!combined.is_neutral);
        combined.is_denial = !combined.is_neutral;
    } else {
        combined.is_neutral = Answer<R>::matches(result, std::nullopt);
        for (std::size_t which = 0; which < combined.is_decision.size(); ++which)
            combined.is_decision.at(which) = Answer<R>::matches(result, static_cast<int>(which));
        combined.is_denial = is_denial(result);
    }
    if constexpr (!std::is_same_v<R, async::context_manager<int>>) combined.text = callbacks::detail::answer_text(result);
    return combined;
}

template <class R, class Combine, class Result>
async::task<Combined> describe(async::task<Result> calling) {
    if constexpr (std::is_void_v<Result>) {
        co_await std::move(calling);
        co_return Combined();
    } else {
        const Result result = co_await std::move(calling);
        co_return described<R, Combine>(result);
    }
}

template <class Combine>
constexpr Callback::Asks asks_by() {
    if (std::is_base_of_v<async::only_first, Combine>) return Callback::Asks::only_the_first;
    if (std::is_base_of_v<async::run_all, Combine> || std::is_base_of_v<async::last_wins_per_key, Combine> ||
        std::is_base_of_v<async::union_per_key, Combine>) {
        return Callback::Asks::everybody;
    }
    return Callback::Asks::until_one_decides;
}

template <class Errors>
constexpr Callback::OnFailure on_failure_by() {
    using OnFailure = Callback::OnFailure;
    if (std::is_same_v<Errors, async::propagate>) return OnFailure::propagates;
    if (std::is_same_v<Errors, callbacks::fail_500>) return OnFailure::becomes_500;
    if (std::is_same_v<Errors, callbacks::forbid_room_creation>) return OnFailure::forbids_the_room;
    if (std::is_same_v<Errors, callbacks::module_failure>) return OnFailure::is_a_module_failure;
    static_assert(std::is_same_v<Errors, async::propagate> || std::is_same_v<Errors, callbacks::fail_500> ||
                  std::is_same_v<Errors, callbacks::forbid_room_creation> ||
                  std::is_same_v<Errors, callbacks::module_failure> || std::is_same_v<Errors, async::skip> ||
                  std::is_same_v<Errors, async::log_and_go_on>);
    return OnFailure::walk_goes_on;
}

template <class Dispatch>
class CallbackOf;
template <async::name Name, class R, class... Parameters, class Combine, class Errors, class Key>
class CallbackOf<async::dispatch<Name, R(Parameters...), Combine, Errors, Key>> final : public Callback {
    using dispatcher = async::dispatch<Name, R(Parameters...), Combine, Errors, Key>;
    using answer = typename dispatcher::answer;

public:
    CallbackOf(std::string_view in_category, dispatcher& called)
        : Callback(in_category, Name.view(), asks_by<Combine>(), on_failure_by<Errors>(), !std::is_void_v<answer>),
          dispatch_(called) {}

    void add(std::string_view module_name, Module& module, async::dispatch_settings* settings) override {
        dispatch_.add(module_name, Filled<typename dispatcher::slot_type>::with(module), settings);
    }
    async::task<Combined> call() override {
        return describe<answer, Combine>(std::apply(
            [this](auto&... argument) {
                if constexpr (std::is_void_v<Key>) {
                    return dispatch_(argument.value...);
                } else {
                    return dispatch_(key_.value, argument.value...);
                }
            },
            arguments_));
    }
    bool has_changed_arguments() const override {
        return std::apply([](const auto&... argument) { return (is_changed<Parameters>(argument.value) || ...); }, arguments_);
    }
    void each_registration(const std::function<void(const async::callback_identity&)>& visit) const override {
        dispatch_.each_registration(visit);
    }

private:
    dispatcher& dispatch_;
    Argument<std::conditional_t<std::is_void_v<Key>, int, Key>> key_;
    std::tuple<Argument<std::remove_cvref_t<Parameters>>...> arguments_;
};

template <class Category>
bool register_filled(callbacks::Dispatchers& dispatchers, std::string_view module_name, Module& module,
                     async::dispatch_settings* settings, const callbacks::RulesOf& rules) {
    Category given;
    boost::pfr::for_each_field(given, [&]<class Slot>(Slot& slot) { slot = Filled<Slot>::with(module); });
    return callbacks::register_callbacks(dispatchers, module_name, given, settings, rules);
}

/// A category's table with slots, of its table with dispatchers.
template <class Dispatchers>
struct SlotsOf;
template <template <template <async::name, class, class, class, class> class> class Category>
struct SlotsOf<Category<async::dispatch>> {
    using type = Category<async::slot>;
};

}  // namespace

Host::Host() {
    callbacks::each_callback(dispatchers, [this]<class Dispatch>(Dispatch& dispatch, std::string_view category) {
        callbacks_.push_back(std::make_unique<CallbackOf<Dispatch>>(category, dispatch));
    });
}

Callback& Host::callback(std::string_view name) const {
    const auto found =
        std::find_if(callbacks_.begin(), callbacks_.end(), [name](const auto& one) { return one->name == name; });
    if (found == callbacks_.end()) throw std::invalid_argument("no callback " + std::string(name));
    return **found;
}

std::vector<std::string_view> Host::names() const {
    std::vector<std::string_view> names;
    for (const auto& callback : callbacks_) names.push_back(callback->name);
    return names;
}

bool Host::register_category(std::string_view category, std::string_view module_name, Module& module,
                             async::dispatch_settings* settings, const callbacks::RulesOf& rules) {
    std::optional<bool> has_registered;
    boost::pfr::for_each_field(dispatchers, [&]<class Dispatch>(Dispatch&) {
        if (Dispatch::category_name == category)
            has_registered = register_filled<typename SlotsOf<Dispatch>::type>(dispatchers, module_name, module, settings, rules);
    });
    return has_registered.value();
}

}  // namespace samples
