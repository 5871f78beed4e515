"""Two fields for every event, as quickly as Python can say them."""

from synapse.module_api import EventBase, JsonDict, ModuleApi


class Adding:
    def __init__(self, config: JsonDict, api: ModuleApi) -> None:
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=self.add)

    async def add(self, event: EventBase) -> JsonDict:
        return {"org.example.kind": event.type, "org.example.length": len(event.content.get("body", ""))}
