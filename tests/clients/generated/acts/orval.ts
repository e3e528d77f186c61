// The acts, by the fetch client of orval.

import * as api from "./client/client";
import * as acts from "./acts";

let tokens: api.Tokens;
let created: api.Book;
let etag: string;

function signed(headers: Record<string, string> = {}): RequestInit {
  return { headers: { Authorization: `Bearer ${tokens.access_token}`, ...headers } };
}

async function read() {
  const answer = await api.booksRetrieve(created.id, signed());
  acts.require(answer.status === 200, answer);
  etag = answer.headers.get("ETag")!;
  return answer.data;
}

acts.report({
  "sign-in": async () => {
    const answer = await api.signIn(acts.credentials);
    acts.require(answer.status === 200 && "access_token" in answer.data, answer);
    tokens = answer.data;
  },
  pages: async () => {
    const ids = new Set<number>();
    let cursor: string | undefined;
    do {
      const answer: api.booksListResponse = await api.booksList({ page_size: 10, cursor });
      acts.require(answer.status === 200, answer);
      answer.data.results.forEach((book) => ids.add(book.id));
      cursor = acts.cursorOf(answer.data.next);
    } while (cursor);
    acts.require(ids.size === acts.expected, ids.size);
  },
  create: async () => {
    const answer = await api.booksCreate(acts.book, signed());
    acts.require(answer.status === 201, answer);
    acts.changedOnly(acts.book, answer.data);
    created = answer.data;
  },
  change: async () => {
    const before = await read();
    const change = { title: "Persuasion, changed" };
    const answer = await api.booksPartialUpdate(created.id, change, signed({ "If-Match": etag }));
    acts.require(answer.status === 200, answer);
    acts.changedOnly(before, await read(), "title");
  },
  "412 stale": async () => {
    const answer = await api.booksPartialUpdate(created.id, { title: "Too late" }, signed({ "If-Match": '"0-0"' }));
    acts.require(answer.status === 412, answer);
    acts.refused(answer.status, answer.data, 412, "precondition_failed");
    acts.changedOnly({ title: "Persuasion, changed" }, await read());
  },
  "401 stranger": async () => {
    const answer = await api.booksCreate(acts.book);
    acts.require(answer.status === 401, answer);
    acts.refused(answer.status, answer.data, 401, "not_authenticated");
  },
  "400 mistaken": async () => {
    const answer = await api.booksCreate(acts.mistaken, signed());
    acts.require(answer.status === 400, answer);
    acts.pointed(acts.refused(answer.status, answer.data, 400, "invalid"));
  },
  delete: async () => {
    const answer = await api.booksDestroy(created.id, signed({ "If-Match": etag }));
    acts.require(answer.status === 204, answer);
    const gone = await api.booksRetrieve(created.id);
    acts.require(gone.status === 404, gone);
    acts.refused(gone.status, gone.data, 404, "not_found");
  },
  "sign-out": async () => {
    const answer = await api.signOut({ refresh_token: tokens.refresh_token }, signed());
    acts.require(answer.status === 204, answer);
    const after = await api.booksCreate(acts.book, signed());
    acts.require(after.status === 401, after);
    acts.refused(after.status, after.data, 401, "token_revoked");
  },
});
