/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Text of PostgreSQL and bytes of the library. Arguments travel as they are stored, in the
 * encoding of the database. Bytes that come back are checked, since a text that its encoding does
 * not allow would break the server's own functions and dumps.
 */
#include "ext_postgres/glue.h"

#include <mb/pg_wchar.h>
#include <utils/builtins.h>
#include <utils/memutils.h>

/* A worker's exception or warning may be as long as a result; a log line should not. */
#define MESSAGE_BYTES_MAX 8192

void check_not_null(FunctionCallInfo fcinfo, int number, const char* name) {
  if (PG_ARGISNULL(number))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("argument \"%s\" of a gman function must not be NULL", name)));
}

gman_bytes text_argument(FunctionCallInfo fcinfo, int number, const char* name) {
  check_not_null(fcinfo, number, name);
  text* value = PG_GETARG_TEXT_PP(number);
  return (gman_bytes){.data = VARDATA_ANY(value), .size = VARSIZE_ANY_EXHDR(value)};
}

gman_bytes bytes_of(const char* string) {
  return (gman_bytes){.data = string, .size = strlen(string)};
}

/* How many leading bytes are valid text in the database's encoding; NUL never is. */
static size_t valid_bytes(gman_bytes bytes) {
  if (bytes.size == 0) return 0;
  return pg_encoding_verifymbstr(GetDatabaseEncoding(), bytes.data, (int)bytes.size);
}

text* varlena_from_bytes(gman_bytes bytes) {
  if (bytes.size > MaxAllocSize - VARHDRSZ)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%zu bytes are above the limit of %zu", bytes.size,
                           (size_t)(MaxAllocSize - VARHDRSZ))));
  return cstring_to_text_with_len(bytes.data, (int)bytes.size);
}

bool is_text(gman_bytes bytes) {
  return valid_bytes(bytes) == bytes.size;
}

text* text_from_bytes(gman_bytes bytes, const char* what) {
  size_t valid = valid_bytes(bytes);
  if (valid < bytes.size)
    ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
                    errmsg("%s is no text in encoding \"%s\"", what, GetDatabaseEncodingName()),
                    errdetail("Byte %zu of %zu is 0x%02x.", valid + 1, bytes.size,
                              (unsigned char)bytes.data[valid]),
                    errhint("Let the worker return text in the database's encoding, for instance "
                            "binary data as base64.")));
  return varlena_from_bytes(bytes);
}

char* printable(gman_bytes bytes) {
  size_t size = Min(bytes.size, MESSAGE_BYTES_MAX);
  char* copy = palloc(size + 1);
  if (size > 0) memcpy(copy, bytes.data, size);
  copy[size] = '\0';
  for (size_t at = 0; at < size;) {
    at += valid_bytes((gman_bytes){.data = copy + at, .size = size - at});
    if (at < size) copy[at++] = '?';
  }
  return copy;
}
