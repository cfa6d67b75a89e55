// What nearly every file of the verbs includes, and what takes longest to read: compiled once (-Db_pch=false
// goes without). Files include it themselves nevertheless.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#include <nlohmann/json.hpp>
