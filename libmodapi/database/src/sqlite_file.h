#pragma once

#include <sys/types.h>
#include <string>

namespace modapi {

/// The lock by which one process has an SQLite file for itself. The kernel ends it with the process.
class SqliteFileLock {
public:
    /// Errors: DatabaseError that names the process that has it.
    explicit SqliteFileLock(const std::string& file);
    ~SqliteFileLock();
    SqliteFileLock(const SqliteFileLock&) = delete;
    SqliteFileLock& operator=(const SqliteFileLock&) = delete;

private:
    int descriptor_ = -1;
};

/// Makes the file where there is none, for the owner's eyes only: SQLite gives its log the file's permissions. Does nothing
/// where it can't; opening it says why.
void make_private_file(const std::string& file) noexcept;

/// Which file an open database is. A file that is deleted or put in its place takes no part in what is written, which ends with
/// the process.
class SqliteFileIdentity {
public:
    /// That of the file, and of its write-ahead log, as they are now.
    explicit SqliteFileIdentity(const std::string& file);
    /// Errors: DatabaseError when one of them isn't there any more.
    void require_unchanged() const;

private:
    struct Identity {
        dev_t device = 0;
        ino_t number = 0;
        bool operator==(const Identity&) const = default;
    };
    [[nodiscard]] static Identity identity_of(const std::string& file) noexcept;

    std::string file_;
    std::string log_;
    Identity of_file_;
    Identity of_log_;
};

}  // namespace modapi
