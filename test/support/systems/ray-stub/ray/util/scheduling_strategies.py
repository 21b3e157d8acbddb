class PlacementGroupSchedulingStrategy:
    def __init__(self, group, placement_group_bundle_index):
        self.group = group
        self.index = placement_group_bundle_index
