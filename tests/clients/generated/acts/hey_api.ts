// The acts, by the client of @hey-api/openapi-ts.

import * as api from "./client/sdk.gen";
import { createClient } from "./client/client";
import type { Book, PatchedBookRequest, Tokens } from "./client/types.gen";
import * as acts from "./acts";

const anonymous = createClient({ baseUrl: acts.url });
const client = createClient({ baseUrl: acts.url, auth: () => tokens.access_token });
let tokens: Tokens;
let created: Book;
let etag: string;

async function read() {
  const { data, error, response } = await api.booksRetrieve({ client, path: { id: created.id } });
  acts.require(data, error);
  etag = response.headers.get("ETag")!;
  return data;
}

function patch(body: PatchedBookRequest, tag: string) {
  return api.booksPartialUpdate({ client, path: { id: created.id }, headers: { "If-Match": tag }, body });
}

acts.report({
  "sign-in": async () => {
    const { data, error } = await api.signIn({ client: anonymous, body: acts.credentials });
    acts.require(data && "access_token" in data, error);
    tokens = data;
  },
  pages: async () => {
    const ids = new Set<number>();
    let cursor: string | undefined;
    do {
      const { data, error } = await api.booksList({ client: anonymous, query: { page_size: 10, cursor } });
      acts.require(data, error);
      data.results.forEach((book) => ids.add(book.id));
      cursor = acts.cursorOf(data.next);
    } while (cursor);
    acts.require(ids.size === acts.expected, ids.size);
  },
  create: async () => {
    const { data, error } = await api.booksCreate({ client, body: acts.book });
    acts.require(data, error);
    acts.changedOnly(acts.book, data);
    created = data;
  },
  change: async () => {
    const before = await read();
    const { data, error } = await patch({ title: "Persuasion, changed" }, etag);
    acts.require(data, error);
    acts.changedOnly(before, await read(), "title");
  },
  "412 stale": async () => {
    const { response, error } = await patch({ title: "Too late" }, '"0-0"');
    acts.refused(response!.status, error, 412, "precondition_failed");
    acts.changedOnly({ title: "Persuasion, changed" }, await read());
  },
  "401 stranger": async () => {
    const { response, error } = await api.booksCreate({ client: anonymous, body: acts.book });
    acts.refused(response!.status, error, 401, "not_authenticated");
  },
  "400 mistaken": async () => {
    const { response, error } = await api.booksCreate({ client, body: acts.mistaken });
    acts.pointed(acts.refused(response!.status, error, 400, "invalid"));
  },
  delete: async () => {
    const { response } = await api.booksDestroy({ client, path: { id: created.id }, headers: { "If-Match": etag } });
    acts.require(response!.status === 204, response!.status);
    const gone = await api.booksRetrieve({ client, path: { id: created.id } });
    acts.refused(gone.response!.status, gone.error, 404, "not_found");
  },
  "sign-out": async () => {
    const { response } = await api.signOut({ client, body: { refresh_token: tokens.refresh_token } });
    acts.require(response!.status === 204, response!.status);
    const after = await api.booksCreate({ client, body: acts.book });
    acts.refused(after.response!.status, after.error, 401, "token_revoked");
  },
});
