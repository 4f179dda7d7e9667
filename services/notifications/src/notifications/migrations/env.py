from chassis.migrate import run_environment
from notifications.tables import Base

run_environment(Base.metadata)
