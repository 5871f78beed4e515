#pragma once

#include <modapi/hosting/module_resolver.h>

#include <async/observation.h>

#include <exception>
#include <set>

namespace modapi {

/// Sees to it that no exception leaves a callback whose class a module library defines itself (callbacks::ModuleException).
///
/// Which library defines a class is told by where its type_info is. The compiler puts those of templates and of classes without
/// a virtual function of their own into every library that throws them: what is wholly of namespaces that everybody shares is
/// the same class wherever that is. Modules that are compiled in are of one program, where a name is one class.
class ModuleBorder final : public async::failure_border {
public:
    /// A module whose callbacks are about to be registered.
    void add(const ConfiguredModule& module);

    [[nodiscard]] std::exception_ptr outside(const async::callback_identity& callback,
                                             std::exception_ptr failure) noexcept override;

private:
    std::set<const void*> libraries_;  ///< of modules, by where they begin
};

}  // namespace modapi
