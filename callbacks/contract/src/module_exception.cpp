#include <callbacks/module_exception.h>

#include <dlfcn.h>

#include <utility>

namespace callbacks {

const void* library_of(const void* address) noexcept {
    Dl_info found{};
    return ::dladdr(address, &found) != 0 ? found.dli_fbase : nullptr;
}

ModuleException::ModuleException(std::string module, std::string callback, std::exception_ptr original, const void* library)
    : details_(std::make_shared<const Details>(Details{std::move(module), std::move(callback), std::move(original), library})) {
}

void ModuleException::rethrow_original(const void* asking) const {
    if (library_of(asking) == details_->library) std::rethrow_exception(details_->original);
}

ModuleCallbackFailed::ModuleCallbackFailed(std::string module, std::string callback, const std::exception_ptr& original,
                                           const void* library)
    : ModuleFailed(message_of(original)), ModuleException(std::move(module), std::move(callback), original, library) {}

ModuleCallbackAnswer::ModuleCallbackAnswer(const SynapseError& answer, std::string module, std::string callback,
                                           std::exception_ptr original, const void* library)
    : SynapseError(answer), ModuleException(std::move(module), std::move(callback), std::move(original), library) {}

}  // namespace callbacks
