// Two users in a room: each does something, the other one's sync loop tells it.

import assert from "node:assert/strict";

import { anotherSession } from "./account_steps.js";
import { refusal } from "./person.js";

async function createsARoomAndInvites(tour) {
    const { alice, bob } = tour;
    const created = await alice.client.createRoom({
        name: "Tea room",
        topic: "Darjeeling",
        room_alias_name: "tea",
        preset: "private_chat",
        invite: [bob.id],
    });
    tour.room = created.room_id;
    // A room is made of events: a sync may come between them.
    await alice.sees("its room's topic", () => alice.stateOf(tour.room, "m.room.topic")?.topic === "Darjeeling");
    assert.equal(alice.room(tour.room).getMyMembership(), "join");
    assert.equal(alice.room(tour.room).name, "Tea room");
    assert.equal(alice.room(tour.room).getCanonicalAlias(), "#tea:localhost");
    assert.equal((await bob.client.getRoomIdForAlias("#tea:localhost")).room_id, tour.room);
}

async function isToldOfAnInvite({ bob, alice, room }) {
    await bob.sees("the invitation", () => bob.room(room)?.getMyMembership() === "invite");
    assert.equal(bob.room(room).name, "Tea room");
    assert.equal(bob.room(room).getMember(bob.id).events.member.getSender(), alice.id);
}

async function joins({ alice, bob, room }) {
    await bob.client.joinRoom("#tea:localhost");
    await bob.sees("that it is joined", () => bob.room(room)?.getMyMembership() === "join");
    await alice.sees("bob's join", () => alice.room(room).getMember(bob.id)?.membership === "join");
    assert.deepEqual((await bob.client.getJoinedRooms()).joined_rooms, [room]);
}

async function sendsText({ alice, bob, room }) {
    const { event_id: sent } = await alice.client.sendTextMessage(room, "first cup");
    const received = await bob.seesEvent(room, sent);
    assert.equal(received.getContent().body, "first cup");
    assert.equal(received.getSender(), alice.id);
    // The sender's client recognizes its own message by the transaction id, so that it isn't there twice.
    const own = () => alice.timeline(room).filter((event) => event.getContent().body === "first cup");
    await alice.sees("its own message come back", () => own().some((event) => event.status === null));
    assert.equal(own().length, 1);
    // Both probes put their field beside those of the server.
    assert.equal(received.getUnsigned()["org.example.probe_a"], "m.room.message");
    assert.equal(received.getUnsigned()["org.example.probe"], "b");
}

async function setsState({ alice, bob, room }) {
    await alice.client.sendStateEvent(room, "org.example.tea", { kind: "Assam" }, "pot");
    await bob.sees("the state", () => bob.stateOf(room, "org.example.tea", "pot")?.kind === "Assam");
    assert.deepEqual(await bob.client.getStateEvent(room, "org.example.tea", "pot"), { kind: "Assam" });
    await alice.client.setRoomTopic(room, "Ceylon");
    await bob.sees("the topic", () => bob.stateOf(room, "m.room.topic").topic === "Ceylon");
    await refusal(bob.client.setRoomName(room, "Coffee"), 403, "M_FORBIDDEN");
}

async function redacts({ alice, bob, room }) {
    const { event_id: sent } = await bob.client.sendTextMessage(room, "coffee is better");
    await alice.seesEvent(room, sent);
    await alice.client.redactEvent(room, sent, undefined, { reason: "heresy" });
    const redacted = await bob.sees("the redaction", () =>
        bob.timeline(room).find((event) => event.getId() === sent && event.isRedacted()),
    );
    assert.deepEqual(redacted.getContent(), {});
    assert.equal(redacted.getRedactionEvent().content.reason, "heresy");
}

async function isRefusedByAModule({ alice, bob, room }) {
    const refused = await refusal(alice.client.sendTextMessage(room, "spam fields"), 403, "M_FORBIDDEN");
    assert.equal(refused.data["org.example.by"], "a");
    await refusal(alice.client.sendTextMessage(room, "spam consent"), 403, "M_CONSENT_NOT_GIVEN");
    const { event_id: sent } = await alice.client.sendTextMessage(room, "no spam");
    await bob.seesEvent(room, sent);
    assert.ok(!bob.timeline(room).some((event) => event.getContent().body?.startsWith("spam")));
}

async function isRefusedAsAnEvilUser({ server, alice, room }) {
    const mallory = await anotherSession(server, "mallory");
    await alice.client.invite(room, mallory.id);
    await mallory.sees("the invitation", () => mallory.room(room)?.getMyMembership() === "invite");
    await mallory.client.joinRoom(room);
    await mallory.sees("that it is joined", () => mallory.room(room).getMyMembership() === "join");
    await refusal(mallory.client.sendTextMessage(room, "harmless"), 403, "M_FORBIDDEN");
    await mallory.client.logout(true);
}

async function pagesBackToTheBeginning({ server, alice, room }) {
    for (let cup = 2; cup < 30; ++cup) await alice.client.sendTextMessage(room, `cup ${cup}`);
    const late = await anotherSession(server, "bob", { initialSyncLimit: 4 });
    assert.equal(late.timeline(room).length, 4);
    while (late.room(room).oldState.paginationToken !== null) await late.client.scrollback(late.room(room), 7);
    const told = late.timeline(room);
    assert.equal(told[0].getType(), "m.room.create");
    assert.equal(new Set(told.map((event) => event.getId())).size, told.length);
    const cups = told.map((event) => event.getContent().body).filter((body) => body?.startsWith("cup "));
    assert.deepEqual(cups, Array.from({ length: 28 }, (_, index) => `cup ${index + 2}`));
    await late.client.logout(true);
}

async function removesAndLetsIn({ alice, bob, room }) {
    const { client } = alice;
    const bobIs = (membership) => bob.sees(`"${membership}"`, () => bob.room(room)?.getMyMembership() === membership);
    await client.kick(room, bob.id, "no coffee");
    await bobIs("leave");
    assert.equal(bob.stateOf(room, "m.room.member", bob.id).reason, "no coffee");
    await refusal(bob.client.sendTextMessage(room, "am I here?"), 403, "M_FORBIDDEN");
    await client.ban(room, bob.id, "really none");
    await bobIs("ban");
    await refusal(bob.client.joinRoom(room), 403, "M_FORBIDDEN");
    await client.unban(room, bob.id);
    await bobIs("leave");
    await client.invite(room, bob.id);
    await bobIs("invite");
    await bob.client.joinRoom(room);
    await bobIs("join");
}

async function leavesAndForgets({ alice, bob, room }) {
    await bob.client.leave(room);
    await bob.sees("that it left", () => bob.room(room).getMyMembership() === "leave");
    await alice.sees("bob's leave", () => alice.room(room).getMember(bob.id).membership === "leave");
    await bob.client.forget(room);
    assert.equal(bob.room(room), null);
    await refusal(bob.client.roomState(room), 403, "M_FORBIDDEN");
}

export const meetingSteps = [
    ["a user creates a room with name, topic, alias and a guest", createsARoomAndInvites],
    ["the sync of an invited user shows the invitation", isToldOfAnInvite],
    ["an invited user joins by the alias", joins],
    ["a message reaches the other user's sync, with the fields of modules", sendsText],
    ["a state event reaches the other user, and one without the power to send it is refused", setsState],
    ["a redaction takes a message's content away from the other user", redacts],
    ["what a module refuses is a MatrixError with its errcode, and nobody sees the message", isRefusedByAModule],
    ["the spam checker example refuses every message of an evil user", isRefusedAsAnEvilUser],
    ["a new session pages back to the beginning of the room", pagesBackToTheBeginning],
];

export const partingSteps = [
    ["a user is kicked, banned, unbanned, and comes back by an invitation", removesAndLetsIn],
    ["a user leaves and forgets the room", leavesAndForgets],
];
