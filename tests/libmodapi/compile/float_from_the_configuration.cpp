// expect-error: configuration_value
#include <modapi/config_section.h>

float threshold(const modapi::ConfigSection& config) { return config.required<float>("threshold"); }
