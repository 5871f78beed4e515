// Getting in and getting out: registration, login, what a client asks about the server, logout.

import assert from "node:assert/strict";

import { Person, refusal } from "./person.js";

const passwordOf = (name) => `the password of ${name}`;

async function register(server, name) {
    const { client } = new Person(server);
    const challenge = await refusal(client.registerRequest({ username: name, password: passwordOf(name) }), 401, undefined);
    const [flow] = challenge.data.flows;
    assert.deepEqual(flow.stages, ["m.login.dummy"]);
    return client.register(name, passwordOf(name), challenge.data.session, { type: flow.stages[0] });
}

async function registersInTwoSteps({ server }) {
    for (const name of ["alice", "bob", "mallory"]) {
        const answer = await register(server, name);
        assert.equal(answer.user_id, `@${name}:localhost`);
        assert.ok(answer.access_token && answer.device_id);
    }
    const again = new Person(server).client.registerRequest({ username: "alice", password: "x" });
    await refusal(again, 400, "M_USER_IN_USE");
}

async function logsInWithAPassword(tour) {
    const { server } = tour;
    await refusal(new Person(server).client.loginWithPassword("alice", "wrong"), 403, "M_FORBIDDEN");
    const flows = (await new Person(server).client.loginFlows()).flows.map(({ type }) => type);
    assert.ok(flows.includes("m.login.password") && flows.includes("org.example.probe"), `${flows}`);
    tour.alice = await Person.logIn(server, "alice", passwordOf("alice"));
    tour.bob = await Person.logIn(server, "@bob:localhost", passwordOf("bob"));
}

async function learnsWhoItIs({ alice }) {
    const { user_id: user, device_id: device } = await alice.client.whoami();
    assert.deepEqual([user, device], ["@alice:localhost", alice.client.getDeviceId()]);
    const { devices } = await alice.client.getDevices();
    assert.ok(devices.some(({ device_id: known }) => known === device));
}

async function learnsWhatTheServerCan({ alice: { client } }) {
    const { versions } = await client.getVersions();
    assert.ok(versions.includes("v1.6"));
    const capabilities = await client.getCapabilities();
    assert.equal(capabilities["m.room_versions"].default, "10");
    assert.equal(capabilities["m.set_displayname"].enabled, true);
}

async function storesAFilter({ alice: { client } }) {
    const filter = await client.createFilter({ room: { timeline: { limit: 3 } } });
    const stored = await client.getFilter(client.getUserId(), filter.filterId, false);
    assert.deepEqual(stored.getDefinition(), { room: { timeline: { limit: 3 } } });
}

async function logsOut({ alice, bob }) {
    for (const person of [alice, bob]) {
        await person.client.logout(true);
        await refusal(person.client.whoami(), 401, "M_UNKNOWN_TOKEN");
    }
}

async function hasAskedForNothingUnknown({ alice, bob }) {
    assert.deepEqual([...alice.unanswered, ...bob.unanswered], []);
}

/** Opens another session of somebody registered here. */
export const anotherSession = (server, name, options) => Person.logIn(server, name, passwordOf(name), options);

export const entrySteps = [
    ["a user registers in two steps through the dummy stage", registersInTwoSteps],
    ["a user logs in with a password and syncs", logsInWithAPassword],
    ["a client learns who it is and which devices there are", learnsWhoItIs],
    ["a client learns the server's versions and capabilities", learnsWhatTheServerCan],
    ["a client stores a filter and reads it again", storesAFilter],
];

export const exitSteps = [
    ["a token is unknown after logout", logsOut],
    ["the server had an answer for everything that the library asked by itself", hasAskedForNothingUnknown],
];
