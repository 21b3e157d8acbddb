class GetTimeoutError(Exception):
    pass


class RayActorError(Exception):
    pass


class ActorUnavailableError(RayActorError):
    pass
