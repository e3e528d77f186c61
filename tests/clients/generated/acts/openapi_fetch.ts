// The acts, by openapi-fetch with the types of openapi-typescript.

import createClient from "openapi-fetch";
import type { components, paths } from "./client/schema";
import * as acts from "./acts";

const anonymous = createClient<paths>({ baseUrl: acts.url });
let tokens: components["schemas"]["Tokens"];
let client: typeof anonymous;
let created: components["schemas"]["Book"];
let etag: string;

async function read() {
  const answer = await client.GET("/api/v1/books/{id}/", { params: { path: { id: created.id } } });
  acts.require(answer.data, answer.error);
  etag = answer.response.headers.get("ETag")!;
  return answer.data;
}

function patch(body: components["schemas"]["PatchedBookRequest"], tag: string) {
  const params = { path: { id: created.id }, header: { "If-Match": tag } };
  return client.PATCH("/api/v1/books/{id}/", { params, body });
}

async function signIn() {
  const { data, error } = await anonymous.POST("/api/v1/accounts/sign-in/", { body: acts.credentials });
  acts.require(data && "access_token" in data, error);
  tokens = data;
  client = createClient<paths>({ baseUrl: acts.url, headers: { Authorization: `Bearer ${tokens.access_token}` } });
}

acts.report({
  "sign-in": signIn,
  pages: async () => {
    const ids = new Set<number>();
    let cursor: string | undefined;
    do {
      const { data, error } = await anonymous.GET("/api/v1/books/", { params: { query: { page_size: 10, cursor } } });
      acts.require(data, error);
      data.results.forEach((book) => ids.add(book.id));
      cursor = acts.cursorOf(data.next);
    } while (cursor);
    acts.require(ids.size === acts.expected, ids.size);
  },
  create: async () => {
    const { data, error } = await client.POST("/api/v1/books/", { body: acts.book });
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
    acts.refused(response.status, error, 412, "precondition_failed");
    acts.changedOnly({ title: "Persuasion, changed" }, await read());
  },
  "401 stranger": async () => {
    const { response, error } = await anonymous.POST("/api/v1/books/", { body: acts.book });
    acts.refused(response.status, error, 401, "not_authenticated");
  },
  "400 mistaken": async () => {
    const { response, error } = await client.POST("/api/v1/books/", { body: acts.mistaken });
    acts.pointed(acts.refused(response.status, error, 400, "invalid"));
  },
  delete: async () => {
    const params = { path: { id: created.id }, header: { "If-Match": etag } };
    const { response } = await client.DELETE("/api/v1/books/{id}/", { params });
    acts.require(response.status === 204, response.status);
    const gone = await client.GET("/api/v1/books/{id}/", { params: { path: { id: created.id } } });
    acts.refused(gone.response.status, gone.error, 404, "not_found");
  },
  "sign-out": async () => {
    const { response } = await client.POST("/api/v1/accounts/sign-out/", { body: { refresh_token: tokens.refresh_token } });
    acts.require(response.status === 204, response.status);
    const after = await client.POST("/api/v1/books/", { body: acts.book });
    acts.refused(after.response.status, after.error, 401, "token_revoked");
  },
});
