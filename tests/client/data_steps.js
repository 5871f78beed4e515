// What users keep on the server and show each other: account data, profile, presence, markers, media, directories.

import assert from "node:assert/strict";

import { refusal } from "./person.js";

async function keepsAccountData({ alice, room }) {
    const { client } = alice;
    await client.setAccountData("org.example.cup", { handle: "left" });
    await alice.sees("its account data", () => client.getAccountData("org.example.cup")?.getContent().handle === "left");
    assert.deepEqual(await client.getAccountDataFromServer("org.example.cup"), { handle: "left" });
    await client.setRoomAccountData(room, "org.example.seat", { number: 7 });
    const seat = () => alice.room(room).getAccountData("org.example.seat")?.getContent().number;
    await alice.sees("the room's account data", () => seat() === 7);
    assert.equal(await client.getAccountDataFromServer("org.example.none"), null);
}

async function tagsRooms({ alice, room }) {
    await alice.client.setRoomTag(room, "m.favourite", { order: 0.5 });
    await alice.sees("its tag", () => alice.room(room).tags["m.favourite"]?.order === 0.5);
    assert.deepEqual(await alice.client.getRoomTags(room), { tags: { "m.favourite": { order: 0.5 } } });
    await alice.client.deleteRoomTag(room, "m.favourite");
    await alice.sees("that the tag is gone", () => !("m.favourite" in alice.room(room).tags));
}

async function showsAProfile({ alice, bob, room }) {
    await alice.client.setDisplayName("Alice in Teapot");
    await bob.sees("alice's name", () => bob.room(room).getMember(alice.id).rawDisplayName === "Alice in Teapot");
    const picture = Buffer.from("not much of a picture");
    const { content_uri: avatar } = await alice.client.uploadContent(picture, { type: "image/png" });
    await alice.client.setAvatarUrl(avatar);
    await bob.sees("alice's avatar", () => bob.room(room).getMember(alice.id).getMxcAvatarUrl() === avatar);
    const profile = await bob.client.getProfileInfo(alice.id);
    assert.deepEqual(profile, { displayname: "Alice in Teapot", avatar_url: avatar });
}

async function showsPresence({ alice, bob }) {
    await alice.client.setPresence({ presence: "unavailable", status_msg: "at tea" });
    const seen = () => bob.client.getUser(alice.id)?.presenceStatusMsg === "at tea";
    await bob.sees("alice's presence", seen);
    assert.equal(bob.client.getUser(alice.id).presence, "unavailable");
    const { presence, status_msg: message } = await bob.client.getPresence(alice.id);
    assert.deepEqual([presence, message], ["unavailable", "at tea"]);
}

async function marksAsRead({ each, alice, bob, room }) {
    const { event_id: first } = await alice.client.sendTextMessage(room, "read this");
    const { event_id: second } = await alice.client.sendTextMessage(room, "and this");
    const read = await bob.seesEvent(room, first);
    const last = await bob.seesEvent(room, second);
    const bobHasRead = (event) =>
        alice.sees(`bob's receipt for ${event}`, () => alice.room(room).getEventReadUpTo(bob.id) === event);
    await bob.client.sendReadReceipt(read);
    await bobHasRead(first);
    await bob.client.setRoomReadMarkers(room, second, last);
    await bobHasRead(second);
    const marker = () => bob.room(room).getAccountData("m.fully_read")?.getContent().event_id;
    await bob.sees("its read marker", () => marker() === second);
    // The modules are told of a marker as of any account data.
    const journals = each.map(async (process) => (await (await fetch(`${process}/_synapse/client/probe/a`)).json()).journal);
    const told = (await Promise.all(journals)).flat().filter(({ account_data_type: type }) => type === "m.fully_read");
    assert.deepEqual(told, [
        { callback: "on_account_data_updated", user_id: bob.id, room_id: room, account_data_type: "m.fully_read" },
    ]);
}

async function keepsMedia({ alice, bob }) {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 256));
    const { content_uri: uri } = await alice.client.uploadContent(bytes, { name: "tea leaves.bin", type: "application/x-tea" });
    const answer = await fetch(bob.client.mxcUrlToHttp(uri));
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "application/x-tea");
    assert.ok(bytes.equals(Buffer.from(await answer.arrayBuffer())));
    await refusal(alice.client.uploadContent(Buffer.from("EICAR-PROBE"), { type: "text/plain" }), 400, "M_UNKNOWN");
}

async function listsPublicRooms({ alice, bob }) {
    const created = await alice.client.createRoom({ name: "Tea garden", visibility: "public", preset: "public_chat" });
    const { chunk } = await bob.client.publicRooms({ filter: { generic_search_term: "garden" } });
    assert.deepEqual(chunk.map(({ room_id: id, num_joined_members: joined }) => [id, joined]), [[created.room_id, 1]]);
    const { chunk: all } = await bob.client.publicRooms();
    assert.deepEqual(all.map(({ name }) => name), ["Tea garden"]);
}

async function findsUsers({ alice, bob }) {
    const { results, limited } = await bob.client.searchUserDirectory({ term: "teapot" });
    assert.deepEqual(results.map(({ user_id: id, display_name: name }) => [id, name]), [[alice.id, "Alice in Teapot"]]);
    assert.equal(limited, false);
}

export const dataSteps = [
    ["account data, global and of a room, comes back in the sync", keepsAccountData],
    ["a tag comes back in the sync, and goes", tagsRooms],
    ["a display name and an avatar reach the other user's view of the room", showsAProfile],
    ["presence reaches who shares a room, and can be asked for", showsPresence],
    ["a receipt reaches the other user, a read marker comes back in the sync and is told to modules", marksAsRead],
    ["an uploaded file comes back byte by byte; one that a module refuses isn't taken", keepsMedia],
    ["a published room is in the room list and can be searched for", listsPublicRooms],
    ["the user directory finds who shares a room", findsUsers],
];
