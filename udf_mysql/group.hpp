// SPDX-License-Identifier: BSD-3-Clause
// What the aggregates have in common: the state of a group of rows, which the server keeps for them
// between its calls.
//
// A Group is made and emptied by default, has `is_null`, and takes a row by `add(const UDF_ARGS&)`,
// which may throw.
#pragma once

#include "udf_mysql/boundary.hpp"
#include "udf_mysql/job_arguments.hpp"

namespace gman::udf {

template <class Group>
Group& group_of(UDF_INIT* init) {
  return *reinterpret_cast<Group*>(init->ptr);
}

template <class Group>
Bool make_group(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return at_init(message, [&] {
    accept_job_arguments(*args);
    init->maybe_null = 1;
    init->const_item = 0;
    init->ptr = reinterpret_cast<char*>(new Group);
  });
}

/// Once one of its rows is NULL, the group is, and takes no more of them.
template <class Group>
void add_to_group(const char* name, UDF_INIT* init, const UDF_ARGS& args, char* error) {
  auto& group = group_of<Group>(init);
  if (group.is_null) return;
  char is_null = 0;
  at_row(name, &is_null, error, [&] { group.add(args); });
  if (is_null != 0) group.is_null = true;
}

}  // namespace gman::udf
