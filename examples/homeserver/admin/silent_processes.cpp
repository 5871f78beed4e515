#include "admin/silent_processes.h"

#include <utility>

namespace homeserver {

void name_silent(callbacks::JsonDict& answer, const std::vector<modapi::SilentProcess>& silent) {
    if (silent.empty()) return;
    callbacks::JsonArray rows;
    for (const modapi::SilentProcess& process : silent) {
        callbacks::JsonDict row;
        row["process"] = process.process;
        row["error"] = nullptr;
        if (!process.error.empty()) row["error"] = process.error;
        rows.push_back(std::move(row));
    }
    answer["processes_without_answer"] = std::move(rows);
}

}  // namespace homeserver
