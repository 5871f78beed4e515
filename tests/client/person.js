// A user with a session: an SDK client whose sync loop runs, and what a test has to wait for.

import assert from "node:assert/strict";

import { sdk } from "./sdk.js";

const longestWait = 60_000; // milliseconds; only a broken server lets a test wait that long

export class Person {
    /** What the server couldn't answer: paths that it doesn't know, failures of its own. */
    unanswered = [];

    constructor(server, session = {}) {
        this.server = server;
        this.client = sdk.createClient({ baseUrl: server, fetchFn: (...request) => this.#fetch(...request), ...session });
    }

    /** Logs in by password as somebody who was registered before; the client syncs from then on. */
    static async logIn(server, name, password, options = {}) {
        const stranger = new Person(server);
        const answer = await stranger.client.loginWithPassword(name, password);
        const session = { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token };
        const person = new Person(server, session);
        await person.start(options);
        return person;
    }

    get id() {
        return this.client.getUserId();
    }

    async start(options) {
        await this.client.startClient(options);
        await this.sees("its first sync", () => this.client.isInitialSyncComplete());
    }

    room(roomId) {
        return this.client.getRoom(roomId);
    }

    /** The room's events as this client knows them, oldest first. */
    timeline(roomId) {
        return this.room(roomId)?.getLiveTimeline().getEvents() ?? [];
    }

    stateOf(roomId, type, key = "") {
        return this.room(roomId)?.currentState.getStateEvents(type, key)?.getContent();
    }

    /** Waits until what the sync loop told makes `condition` give something; gives that. */
    sees(what, condition) {
        const { client } = this;
        return new Promise((resolve, reject) => {
            const finish = (end, value) => {
                clearTimeout(timer);
                client.off(sdk.ClientEvent.Sync, look);
                end(value);
            };
            const look = () => {
                try {
                    const found = condition();
                    if (found) finish(resolve, found);
                } catch (error) {
                    finish(reject, error);
                }
            };
            const timer = setTimeout(() => finish(reject, new Error(`${this.id} doesn't see ${what}`)), longestWait);
            client.on(sdk.ClientEvent.Sync, look);
            look();
        });
    }

    /** Waits for the event of that id; gives it. */
    seesEvent(roomId, eventId) {
        return this.sees(`event ${eventId}`, () => this.timeline(roomId).find((event) => event.getId() === eventId));
    }

    async #fetch(resource, options) {
        const answer = await fetch(resource, options);
        if ([404, 405, 500, 501].includes(answer.status)) {
            const { errcode } = await answer.clone().json();
            if (errcode !== "M_NOT_FOUND") this.unanswered.push(`${options.method} ${resource}: ${answer.status} ${errcode}`);
        }
        return answer;
    }
}

/** The request that was expected to be refused: with that status and errcode, as the SDK's own error. */
export async function refusal(request, status, errcode) {
    const error = await request.then(
        () => assert.fail(`wasn't refused with ${errcode}`),
        (reason) => reason,
    );
    assert.ok(error instanceof sdk.MatrixError, `${error}`);
    assert.deepEqual([error.httpStatus, error.errcode], [status, errcode]);
    return error;
}
