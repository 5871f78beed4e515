class Broken:
    def __init__(self, config, api:
        pass
