"""Bodies in their medium: ``chain`` (overdamped, in the plane), ``spatial`` (off the plane), ``mujoco_body`` (contact).

All keep to ``body.Body``. ``dynamics`` and ``spatial_dynamics`` are the compiled steps, ``muscle`` the law of force,
``medium`` the drag, ``mjcf`` MuJoCo's description of the body; ``wave`` drives muscles in tests of the body alone.
"""
