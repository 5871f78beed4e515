#pragma once

#include "http/router.h"

#include <modapi/module_statistics.h>
#include <modapi/worker.h>

#include <boost/asio/any_io_executor.hpp>
#include <utility>
#include <vector>

namespace homeserver {

/// The workers of the process, the main one first, by what runs their modules; each is asked on its own thread.
///
/// Complete before any of them starts, then only read.
class ModuleWorkers {
public:
    struct Entry {
        boost::asio::any_io_executor executor;
        const modapi::Worker* modules = nullptr;
    };

    void add(boost::asio::any_io_executor executor, const modapi::Worker& modules) {
        workers_.push_back({std::move(executor), &modules});
    }
    [[nodiscard]] const std::vector<Entry>& all() const noexcept { return workers_; }

private:
    std::vector<Entry> workers_;
};

/// Adds a worker's modules to those of others: every worker has built the same modules in the same order.
void add_up(std::vector<modapi::ModuleStatistics>& together, const std::vector<modapi::ModuleStatistics>& of_worker);

/// What the modules of all workers registered, did and cost: `/_synapse/admin/v1/modules`.
void add_module_endpoints(Router& router);

}  // namespace homeserver
