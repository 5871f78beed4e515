// expect-error: values are bound as texts, integers, bool, double, SqlBytes, SqlValue or std::optional of those
#include <modapi/database.h>

void insert(modapi::Transaction& transaction, const std::vector<int>& numbers) {
    transaction.execute("INSERT INTO numbers VALUES (?)", numbers);
}
