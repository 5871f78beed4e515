#pragma once

#include <async/hook.h>
#include <async/name.h>

#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace async {

namespace detail {

/// Whether what was given can be called as it was declared. Its name is read in compile errors.
template <class Declared, class Given>
inline constexpr bool declared_and_given = std::is_constructible_v<owned_hook<Declared>, Given>;

}  // namespace detail

/// What a declared callback looks like to a module: a place to put one callable, empty if left out.
///
/// Accepts a plain function or a coroutine with the declared signature; another answer type is a compile error that says so.
/// A lambda with captures is fine here, also one that is a coroutine: the registration keeps it.
template <name Name, class Signature, class Combine, class Errors, class Key = void>
class slot : public owned_hook<Signature> {
public:
    using signature = Signature;
    static constexpr std::string_view callback_name = Name.view();

    slot() noexcept = default;
    /// Takes whatever it is given: a message says more than that no constructor fits.
    template <class Function>
    requires(!std::is_base_of_v<slot, std::remove_cvref_t<Function>>)
        slot(Function&& function)  // NOLINT: implicit, registration reads as an assignment
        : owned_hook<Signature>(checked(std::forward<Function>(function))) {}

private:
    template <class Function>
    static owned_hook<Signature> checked(Function&& function) {
        constexpr bool has_object = !std::is_member_pointer_v<std::decay_t<Function>>;
        static_assert(has_object, "a member function is registered with its object: async::bind<&Class::member>(this)");
        constexpr bool is_callable = detail::declared_and_given<signature, std::decay_t<Function>>;
        if constexpr (has_object) {
            static_assert(detail::declared_and_given<signature, std::decay_t<Function>>,
                          "this callback takes other parameters: see the callback's declaration; the compiler names it beside "
                          "what was given, as declared_and_given<declared, given>");
        }
        if constexpr (is_callable) {
            return owned_hook<Signature>(std::forward<Function>(function));
        } else {
            return {};
        }
    }
};

/// The slot of a callback that is registered per key (of a login, say, its type): a list of key and callable.
template <name Name, class Signature, class Combine, class Errors, class Key>
requires(!std::is_void_v<Key>) class slot<Name, Signature, Combine, Errors, Key> {
public:
    using signature = Signature;
    using one = slot<Name, Signature, Combine, Errors>;
    static constexpr std::string_view callback_name = Name.view();

    slot() noexcept = default;
    slot(std::initializer_list<std::pair<Key, one>> given) : entries_(given) {}
    explicit slot(std::vector<std::pair<Key, one>> given) : entries_(std::move(given)) {}

    explicit operator bool() const noexcept { return !entries_.empty(); }
    [[nodiscard]] const std::vector<std::pair<Key, one>>& entries() const noexcept { return entries_; }

private:
    std::vector<std::pair<Key, one>> entries_;
};

}  // namespace async
