"""Logs more than anybody reads."""

import logging
import time

logger = logging.getLogger(__name__)


class Chatty:
    def __init__(self, config, api):
        for number in range(config["records"]):
            logger.warning("%s %d", config.get("text", "chatter"), number)
        if "wait" in config:
            time.sleep(config["wait"])  # the reactor stands meanwhile
            logger.warning("at last")
