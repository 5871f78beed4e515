#pragma once

#include <functional>
#include <type_traits>
#include <utility>

namespace async {

/// A member function bound to its object: two words at most, trivially copyable, no allocation.
template <auto Method, class Object>
struct bound_member {
    Object* object;

    template <class... Arguments>
    requires std::is_invocable_v<decltype(Method), Object&, Arguments...>
    decltype(auto) operator()(Arguments&&... arguments) const {
        return std::invoke(Method, *object, std::forward<Arguments>(arguments)...);
    }
};

/// `async::bind<&Module::callback>(this)` is what a module registers. The object outlives the registration.
template <auto Method, class Object>
requires std::is_member_function_pointer_v<decltype(Method)>
[[nodiscard]] constexpr bound_member<Method, Object> bind(Object* object) noexcept { return {object}; }

}  // namespace async
