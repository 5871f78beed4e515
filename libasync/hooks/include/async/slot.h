#pragma once

#include <async/hook.h>
#include <async/name.h>
#include <async/shorter_callable.h>

#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace async {

namespace detail {

/// Whether what was given can be called as it was declared. Its name is read in compile errors.
template <class Declared, class Given>
inline constexpr bool declared_and_given = std::is_constructible_v<owned_hook<Declared>, Given>;

/// The type in which a registration may say what its answers rest on: an answer type's member `interest`; void: it has none.
template <class Signature>
struct declared_interest {
    using type = void;
};
template <class R, class... Arguments>
requires requires { typename R::interest; }
struct declared_interest<R(Arguments...)> {
    using type = typename R::interest;
};

/// What a registration says of its interest.
template <class Interest>
class interest_of_slot {
public:
    /// What the registration's answers rest on; null: it doesn't say, they may rest on anything.
    [[nodiscard]] const Interest* interest() const noexcept { return interest_.get(); }

protected:
    interest_of_slot() noexcept = default;
    explicit interest_of_slot(Interest interest) : interest_(std::make_shared<const Interest>(std::move(interest))) {}

private:
    std::shared_ptr<const Interest> interest_;
};
template <>
class interest_of_slot<void> {};

}  // namespace detail

/// What a declared callback looks like to a module: a place to put one callable, empty if left out.
///
/// Accepts a plain function or a coroutine with the declared signature; another answer type is a compile error that says so.
/// Where the combine rule names `least_arguments`, it may also take only as many of the first parameters, at least: later
/// declarations brought the others.
/// A lambda with captures is fine here, also one that is a coroutine: the registration keeps it.
template <name Name, class Signature, class Combine, class Errors, class Key = void>
class slot : public owned_hook<Signature>, public detail::interest_of_slot<typename detail::declared_interest<Signature>::type> {
public:
    using signature = Signature;
    using interest_type = typename detail::declared_interest<Signature>::type;
    static constexpr std::string_view callback_name = Name.view();

    slot() noexcept = default;
    /// Takes whatever it is given: a message says more than that no constructor fits.
    template <class Function>
    requires(!std::is_base_of_v<slot, std::remove_cvref_t<Function>>)
        slot(Function&& function)  // NOLINT: implicit, registration reads as an assignment
        : owned_hook<Signature>(checked(std::forward<Function>(function))) {}
    /// Takes a callable and what its answers rest on, where the declaration knows of that.
    template <class Function, class Interest>
    requires(!std::is_void_v<interest_type> && std::is_constructible_v<interest_type, Interest>)
        slot(Function&& function, Interest&& interest)
        : owned_hook<Signature>(checked(std::forward<Function>(function))),
          detail::interest_of_slot<interest_type>(interest_type(std::forward<Interest>(interest))) {}

private:
    template <class Function>
    static owned_hook<Signature> checked(Function&& function) {
        constexpr bool has_object = !std::is_member_pointer_v<std::decay_t<Function>>;
        static_assert(has_object, "a member function is registered with its object: async::bind<&Class::member>(this)");
        using accepted = typename detail::accepted_callable<signature, Combine, std::decay_t<Function>>::type;
        constexpr bool is_callable = detail::declared_and_given<signature, accepted>;
        if constexpr (has_object) {
            static_assert(detail::declared_and_given<signature, accepted>,
                          "this callback takes other parameters: see the callback's declaration; the compiler names it beside "
                          "what was given, as declared_and_given<declared, given>");
        }
        if constexpr (is_callable) {
            return owned_hook<Signature>(accepted{std::forward<Function>(function)});
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
