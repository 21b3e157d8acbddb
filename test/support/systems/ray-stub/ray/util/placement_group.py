import ray


class Group:
    def __init__(self, bundles, strategy):
        assert strategy in ("SPREAD", "PACK", "STRICT_SPREAD", "STRICT_PACK")
        self.bundles = bundles
        self.taken = False
        self.removed = False

    def ready(self):
        return ray.Ref(self.wait)

    def wait(self):
        ray.take(self.bundles)
        self.taken = True
        if self.removed:
            ray.give(self.bundles)


def placement_group(bundles, strategy):
    return Group(bundles, strategy)


def remove_placement_group(group):
    group.removed = True
    if group.taken:
        ray.give(group.bundles)
