#pragma once

#include "log_capture.h"
#include "python_worker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

/// The entry of a module that does the worst.
inline const std::string deadly = "  - module: deadly.Deadly\n";

/// Tests with modules in real processes; skipped where Python hasn't what those need.
class PythonModulesTest : public testing::Test {
protected:
    void SetUp() override {
        static const std::string missing = missing_for_python();
        if (!missing.empty()) GTEST_SKIP() << missing;
    }
    /// Of a worker on which a process that doesn't answer is ended soon.
    static modapi::WorkerSettings impatient() {
        modapi::WorkerSettings settings;
        settings.callback_deadline = std::chrono::milliseconds(300);
        return settings;
    }

    LogCapture log;
};
